{#-
    What ends the chance of remission in each episode of a relation (SPEC 4).

    salvage_failures(episodes, key_columns) -> query: <key_columns>, new_rescue_date,
    colectomy_date, death_date, failure_date (the earliest; NULL where there is none)

    episodes: relation with key_columns, patient_id, salvage_ingredient, salvage_start_date and
    known_death_date. key_columns: list of the columns that tell its episodes apart.
    A new rescue drug counts from the day after salvage, a colectomy from the day itself.
-#}
{% macro salvage_failures(episodes, key_columns) -%}
with episodes as (
    select * from {{ episodes }}
),

eras as (
    select * from {{ ref('int_drug_eras') }}
),

ingredients as (
    select * from {{ ref('int_ingredients') }}
),

procedures as (
    select * from {{ ref('int_procedures_accounted') }}
),

procedure_groups as (
    select * from {{ ref('int_procedure_name_groups') }}
),

rescue_eras as (
    select
        eras.patient_id,
        eras.ingredient,
        eras.era_start_date
    from eras
    inner join ingredients
        on eras.ingredient = ingredients.ingredient
    where ingredients.is_rescue
),

colectomies as (
    select
        procedures.patient_id,
        procedures.procedure_date
    from procedures
    inner join procedure_groups
        on procedures.procedure_name = procedure_groups.written_name
    where
        procedures.disposition = 'accepted'
        and procedure_groups.procedure_group = 'colectomy'
),

new_rescues as (
    select
        {{ salvage.columns_of('episodes', key_columns) }},
        min(rescue_eras.era_start_date) as new_rescue_date
    from episodes
    inner join rescue_eras
        on
            episodes.patient_id = rescue_eras.patient_id
            and episodes.salvage_ingredient <> rescue_eras.ingredient
            and episodes.salvage_start_date < rescue_eras.era_start_date
    group by {{ salvage.columns_of('episodes', key_columns) }}
),

first_colectomies as (
    select
        {{ salvage.columns_of('episodes', key_columns) }},
        min(colectomies.procedure_date) as colectomy_date
    from episodes
    inner join colectomies
        on
            episodes.patient_id = colectomies.patient_id
            and episodes.salvage_start_date <= colectomies.procedure_date
    group by {{ salvage.columns_of('episodes', key_columns) }}
),

final as (
    select
        {{ salvage.columns_of('episodes', key_columns) }},
        new_rescues.new_rescue_date,
        first_colectomies.colectomy_date,
        episodes.known_death_date as death_date,
        least(
            new_rescues.new_rescue_date,
            first_colectomies.colectomy_date,
            episodes.known_death_date
        ) as failure_date
    from episodes
    left join new_rescues
        on {{ salvage.columns_match('episodes', 'new_rescues', key_columns) }}
    left join first_colectomies
        on {{ salvage.columns_match('episodes', 'first_colectomies', key_columns) }}
)

select * from final
{%- endmacro %}

with episodes as (
    select * from {{ ref('int_analysis_episodes') }}
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
        episodes.protocol_id,
        episodes.patient_id,
        min(rescue_eras.era_start_date) as new_rescue_date
    from episodes
    inner join rescue_eras
        on
            episodes.patient_id = rescue_eras.patient_id
            and episodes.salvage_ingredient <> rescue_eras.ingredient
            and episodes.salvage_start_date < rescue_eras.era_start_date
    group by episodes.protocol_id, episodes.patient_id
),

first_colectomies as (
    select
        episodes.protocol_id,
        episodes.patient_id,
        min(colectomies.procedure_date) as colectomy_date
    from episodes
    inner join colectomies
        on
            episodes.patient_id = colectomies.patient_id
            and episodes.salvage_start_date <= colectomies.procedure_date
    group by episodes.protocol_id, episodes.patient_id
),

final as (
    select
        episodes.protocol_id,
        episodes.patient_id,
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
        on
            episodes.protocol_id = new_rescues.protocol_id
            and episodes.patient_id = new_rescues.patient_id
    left join first_colectomies
        on
            episodes.protocol_id = first_colectomies.protocol_id
            and episodes.patient_id = first_colectomies.patient_id
)

select * from final

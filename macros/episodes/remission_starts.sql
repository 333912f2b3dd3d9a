{#-
    First remission of each episode of a relation that reaches one (SPEC 4).

    remission_starts(episodes, failures, key_columns) -> query: <key_columns>,
    remission_start_date; no row for an episode without remission

    episodes: relation with key_columns, patient_id, salvage_start_date and
    remission_within_days (NULL: no limit). failures: what `salvage_failures` gives for it.
    key_columns: list of the columns that tell its episodes apart.
-#}
{% macro remission_starts(episodes, failures, key_columns) -%}
with episodes as (
    select * from {{ episodes }}
),

failures as (
    select * from {{ failures }}
),

disease_status as (
    select * from {{ ref('int_daily_disease_status') }}
),

final as (
    select
        {{ salvage.columns_of('episodes', key_columns) }},
        min(disease_status.assessment_date) as remission_start_date
    from episodes
    inner join failures
        on {{ salvage.columns_match('episodes', 'failures', key_columns) }}
    inner join disease_status
        on episodes.patient_id = disease_status.patient_id
    where
        disease_status.disease_status = 'remission'
        and {{ salvage.is_within_days_after(
            'disease_status.assessment_date',
            'episodes.salvage_start_date',
            'episodes.remission_within_days'
        ) }}
        -- Strictly before failure: a remission on the day of failure is none.
        and (
            failures.failure_date is null
            or disease_status.assessment_date < failures.failure_date
        )
    group by {{ salvage.columns_of('episodes', key_columns) }}
)

select * from final
{%- endmacro %}

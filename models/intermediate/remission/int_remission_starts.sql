with episodes as (
    select * from {{ ref('int_analysis_episodes') }}
),

failures as (
    select * from {{ ref('int_salvage_failures') }}
),

disease_status as (
    select * from {{ ref('int_daily_disease_status') }}
),

final as (
    select
        episodes.protocol_id,
        episodes.patient_id,
        min(disease_status.assessment_date) as remission_start_date
    from episodes
    inner join failures
        on
            episodes.protocol_id = failures.protocol_id
            and episodes.patient_id = failures.patient_id
    inner join disease_status
        on episodes.patient_id = disease_status.patient_id
    where
        disease_status.disease_status = 'remission'
        and {{ is_within_days_after(
            'disease_status.assessment_date',
            'episodes.salvage_start_date',
            'episodes.remission_within_days'
        ) }}
        -- Strictly before failure: a remission on the day of failure is none.
        and (
            failures.failure_date is null
            or disease_status.assessment_date < failures.failure_date
        )
    group by episodes.protocol_id, episodes.patient_id
)

select * from final

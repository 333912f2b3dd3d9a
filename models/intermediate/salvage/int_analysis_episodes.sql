with episodes as (
    select * from {{ ref('int_salvage_episodes') }}
),

eligibility as (
    select * from {{ ref('int_patient_eligibility') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

ranked as (
    select
        episodes.*,
        row_number() over (
            partition by episodes.protocol_id, episodes.patient_id
            order by episodes.salvage_start_date, episodes.arm_id
        ) as episode_order
    from episodes
    inner join eligibility
        on
            episodes.protocol_id = eligibility.protocol_id
            and episodes.patient_id = eligibility.patient_id
    where
        episodes.salvage_class = 'acute_salvage'
        and episodes.meets_failure_rule
        and eligibility.meets_diagnosis_rule
        and eligibility.meets_refractoriness_rule
),

final as (
    select
        ranked.protocol_id,
        ranked.arm_id,
        ranked.patient_id,
        arms.salvage_ingredient,
        ranked.salvage_start_date,
        ranked.salvage_end_date,
        patients.observation_end_date,
        patients.known_death_date,
        protocols.remission_within_days,
        protocols.ae_risk_window_days,
        protocols.days_per_month
    from ranked
    inner join protocols
        on ranked.protocol_id = protocols.protocol_id
    inner join arms
        on
            ranked.protocol_id = arms.protocol_id
            and ranked.arm_id = arms.arm_id
    inner join patients
        on ranked.patient_id = patients.patient_id
    where ranked.episode_order = 1
)

select * from final

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

definitions as (
    select * from {{ ref('int_definitions') }}
),

widest as (
    select
        arms.protocol_id,
        max(greatest(definitions.window_days, arms.window_days)) as window_days,
        max(definitions.max_overlap_days) as max_overlap_days
    from arms
    inner join definitions
        on arms.protocol_id = definitions.protocol_id
    group by arms.protocol_id
),

final as (
    select
        episodes.protocol_id,
        episodes.arm_id,
        episodes.patient_id,
        arms.salvage_ingredient,
        episodes.salvage_start_date,
        episodes.salvage_end_date,
        patients.observation_end_date,
        patients.known_death_date,
        -- The first remission at any time; each definition then asks how soon it came.
        cast(null as integer) as remission_within_days,
        protocols.ae_risk_window_days,
        episodes.gap_days,
        episodes.gap_days - arms.window_days as days_past_arm_window,
        episodes.is_first_drug_failed
    from episodes
    inner join eligibility
        on
            episodes.protocol_id = eligibility.protocol_id
            and episodes.patient_id = eligibility.patient_id
    inner join protocols
        on episodes.protocol_id = protocols.protocol_id
    inner join arms
        on
            episodes.protocol_id = arms.protocol_id
            and episodes.arm_id = arms.arm_id
    inner join patients
        on episodes.patient_id = patients.patient_id
    inner join widest
        on episodes.protocol_id = widest.protocol_id
    where
        eligibility.meets_diagnosis_rule
        and eligibility.meets_refractoriness_rule
        and episodes.gap_days >= -widest.max_overlap_days
        and episodes.gap_days <= widest.window_days
        and {{ failed_era_is_refractory(
            'episodes.protocol_id',
            'episodes.patient_id',
            'arms.failed_ingredient',
            'episodes.failed_era_start_date'
        ) }}
)

select * from final

with episodes as (
    select * from {{ ref('int_candidate_episodes') }}
),

remission_starts as (
    select * from {{ ref('int_candidate_remission_starts') }}
),

serious_events as (
    select * from {{ ref('int_candidate_serious_events') }}
),

definitions as (
    select * from {{ ref('int_definitions') }}
),

remission_days as (
    select
        *,
        {{ days_between('salvage_start_date', 'remission_start_date') }}
            as days_to_remission
    from remission_starts
),

distinct_days as (
    select distinct
        protocol_id,
        days_to_remission
    from remission_days
),

remission_limits as (
    select distinct
        protocol_id,
        remission_within_days
    from definitions
),

-- Looked up once a day and not once an episode: days are few, episodes are many.
least_limits as (
    select
        distinct_days.protocol_id,
        distinct_days.days_to_remission,
        min(remission_limits.remission_within_days) as least_remission_limit
    from distinct_days
    inner join remission_limits
        on
            distinct_days.protocol_id = remission_limits.protocol_id
            and distinct_days.days_to_remission
            <= remission_limits.remission_within_days
    group by
        distinct_days.protocol_id,
        distinct_days.days_to_remission
),

final as (
    select
        episodes.protocol_id,
        episodes.arm_id,
        episodes.patient_id,
        episodes.salvage_start_date,
        episodes.gap_days,
        episodes.days_past_arm_window,
        episodes.is_first_drug_failed,
        remission_days.patient_id is not null as is_remission,
        least_limits.least_remission_limit,
        serious_events.patient_id is not null as has_serious_event
    from episodes
    left join remission_days
        on
            episodes.protocol_id = remission_days.protocol_id
            and episodes.arm_id = remission_days.arm_id
            and episodes.patient_id = remission_days.patient_id
            and episodes.salvage_start_date = remission_days.salvage_start_date
    left join least_limits
        on
            remission_days.protocol_id = least_limits.protocol_id
            and remission_days.days_to_remission = least_limits.days_to_remission
    left join serious_events
        on
            episodes.protocol_id = serious_events.protocol_id
            and episodes.arm_id = serious_events.arm_id
            and episodes.patient_id = serious_events.patient_id
            and episodes.salvage_start_date = serious_events.salvage_start_date
)

select * from final

with episodes as (
    select * from {{ ref('int_candidate_outcomes') }}
),

superseded as (
    select * from {{ ref('int_superseded_episodes') }}
),

definitions as (
    select * from {{ ref('int_definitions') }}
),

window_limits as (
    select distinct
        protocol_id,
        has_arm_windows,
        last_window_day
    from definitions
),

episode_rules as (
    select distinct
        protocol_id,
        has_arm_windows,
        max_overlap_days,
        require_failure
    from definitions
),

alike as (
    select
        protocol_id,
        arm_id,
        gap_days,
        days_past_arm_window,
        is_first_drug_failed,
        is_remission,
        least_remission_limit,
        has_serious_event,
        count(*) as n_episodes
    from episodes
    group by
        protocol_id,
        arm_id,
        gap_days,
        days_past_arm_window,
        is_first_drug_failed,
        is_remission,
        least_remission_limit,
        has_serious_event
),

-- As the window grows, an episode enters on the day of its gap ...
changes as (
    select
        alike.protocol_id,
        alike.arm_id,
        episode_rules.has_arm_windows,
        episode_rules.max_overlap_days,
        episode_rules.require_failure,
        case
            when episode_rules.has_arm_windows then alike.days_past_arm_window
            else alike.gap_days
        end as window_day,
        alike.is_remission,
        alike.least_remission_limit,
        alike.has_serious_event,
        alike.n_episodes as n_more
    from alike
    inner join episode_rules
        on
            alike.protocol_id = episode_rules.protocol_id
            and alike.gap_days >= -episode_rules.max_overlap_days
    where alike.is_first_drug_failed or not episode_rules.require_failure
    union all
    -- ... and leaves on the day on which an earlier one of its patient is in as well.
    select
        protocol_id,
        arm_id,
        has_arm_windows,
        max_overlap_days,
        require_failure,
        window_day,
        is_remission,
        least_remission_limit,
        has_serious_event,
        -count(*) as n_more
    from superseded
    group by
        protocol_id,
        arm_id,
        has_arm_windows,
        max_overlap_days,
        require_failure,
        window_day,
        is_remission,
        least_remission_limit,
        has_serious_event
),

final as (
    select
        changes.protocol_id,
        changes.arm_id,
        changes.has_arm_windows,
        changes.max_overlap_days,
        changes.require_failure,
        window_limits.last_window_day,
        changes.is_remission,
        changes.least_remission_limit,
        changes.has_serious_event,
        sum(changes.n_more) as n_patients
    from changes
    inner join window_limits
        on
            changes.protocol_id = window_limits.protocol_id
            and changes.has_arm_windows = window_limits.has_arm_windows
            and changes.window_day <= window_limits.last_window_day
    group by
        changes.protocol_id,
        changes.arm_id,
        changes.has_arm_windows,
        changes.max_overlap_days,
        changes.require_failure,
        window_limits.last_window_day,
        changes.is_remission,
        changes.least_remission_limit,
        changes.has_serious_event
)

select * from final

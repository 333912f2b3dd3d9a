with episodes as (
    select * from {{ ref('int_candidate_outcomes') }}
),

definitions as (
    select * from {{ ref('int_definitions') }}
),

episode_rules as (
    select distinct
        protocol_id,
        has_arm_windows,
        max_overlap_days,
        require_failure
    from definitions
),

-- Each episode with each one that its patient had before it.
preceded as (
    select
        episodes.*,
        earlier.gap_days as earlier_gap_days,
        earlier.days_past_arm_window as earlier_days_past_arm_window,
        earlier.is_first_drug_failed as is_earlier_drug_failed
    from episodes
    inner join episodes as earlier
        on
            episodes.protocol_id = earlier.protocol_id
            and episodes.patient_id = earlier.patient_id
            and (
                episodes.salvage_start_date > earlier.salvage_start_date
                or (
                    episodes.salvage_start_date = earlier.salvage_start_date
                    and episodes.arm_id > earlier.arm_id
                )
            )
),

-- The rules under which both of them count, and the days that count there.
rivals as (
    select
        preceded.*,
        episode_rules.has_arm_windows,
        episode_rules.max_overlap_days,
        episode_rules.require_failure,
        case
            when episode_rules.has_arm_windows
                then
                    greatest(
                        preceded.days_past_arm_window,
                        preceded.earlier_days_past_arm_window
                    )
            else greatest(preceded.gap_days, preceded.earlier_gap_days)
        end as window_day
    from preceded
    inner join episode_rules
        on
            preceded.protocol_id = episode_rules.protocol_id
            and preceded.gap_days >= -episode_rules.max_overlap_days
            and preceded.earlier_gap_days >= -episode_rules.max_overlap_days
    where
        not episode_rules.require_failure
        or (preceded.is_first_drug_failed and preceded.is_earlier_drug_failed)
),

final as (
    select
        protocol_id,
        arm_id,
        patient_id,
        salvage_start_date,
        has_arm_windows,
        max_overlap_days,
        require_failure,
        is_remission,
        least_remission_limit,
        has_serious_event,
        min(window_day) as window_day
    from rivals
    group by
        protocol_id,
        arm_id,
        patient_id,
        salvage_start_date,
        has_arm_windows,
        max_overlap_days,
        require_failure,
        is_remission,
        least_remission_limit,
        has_serious_event
)

select * from final

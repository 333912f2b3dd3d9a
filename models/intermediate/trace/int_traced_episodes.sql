with episodes as (
    select * from {{ ref('int_salvage_episodes') }}
),

pairs as (
    select * from {{ ref('int_salvage_pairs') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

measured as (
    select
        episodes.protocol_id,
        episodes.arm_id,
        episodes.patient_id,
        arms.failed_ingredient,
        arms.salvage_ingredient,
        episodes.failed_era_start_date,
        episodes.failed_era_end_date,
        pairs.failed_era_stop_reason,
        episodes.salvage_start_date,
        episodes.salvage_end_date,
        episodes.gap_days,
        pairs.window_days,
        pairs.max_overlap_days,
        pairs.require_failure,
        episodes.is_first_drug_failed,
        episodes.meets_failure_rule,
        case episodes.salvage_class
            when 'concomitant' then -episodes.gap_days - pairs.max_overlap_days
            when 'delayed_switch' then episodes.gap_days - pairs.window_days
            else 0
        end as days_outside_window
    from episodes
    inner join pairs
        on
            episodes.protocol_id = pairs.protocol_id
            and episodes.arm_id = pairs.arm_id
            and episodes.patient_id = pairs.patient_id
            and episodes.salvage_start_date = pairs.salvage_start_date
    inner join arms
        on
            episodes.protocol_id = arms.protocol_id
            and episodes.arm_id = arms.arm_id
),

-- Nearest to the analysis set first; of those that meet both rules the one it takes.
ranked as (
    select
        *,
        row_number() over (
            partition by protocol_id, patient_id
            order by
                meets_failure_rule desc,
                days_outside_window,
                salvage_start_date,
                arm_id
        ) as episode_order,
        count(*) over (partition by protocol_id, patient_id) as n_episodes,
        sum(case when meets_failure_rule then 1 else 0 end) over (
            partition by protocol_id, patient_id
        ) as n_episodes_left
    from measured
),

final as (
    select
        protocol_id,
        arm_id,
        patient_id,
        failed_ingredient,
        salvage_ingredient,
        failed_era_start_date,
        failed_era_end_date,
        failed_era_stop_reason,
        salvage_start_date,
        salvage_end_date,
        gap_days,
        window_days,
        max_overlap_days,
        require_failure,
        is_first_drug_failed,
        meets_failure_rule,
        days_outside_window = 0 as is_within_window,
        n_episodes,
        n_episodes_left
    from ranked
    where episode_order = 1
)

select * from final

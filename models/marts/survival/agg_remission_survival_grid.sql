with curves as (
    select * from {{ ref('agg_remission_survival') }}
),

times as (
    select distinct
        protocol_id,
        duration_days
    from curves
),

reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

arms as (
    select distinct
        protocol_id,
        arm_id,
        arm_label
    from reporting_arms
),

-- Each step with the time of the next one, at which it ends.
steps as (
    select
        *,
        lead(duration_days) over (
            partition by protocol_id, arm_id order by duration_days
        ) as next_duration_days
    from curves
),

-- Every arm at every time of its protocol: the last step at or before it.
carried_forward as (
    select
        steps.protocol_id,
        steps.arm_id,
        steps.arm_label,
        times.duration_days,
        steps.duration_days = times.duration_days as is_step,
        steps.next_duration_days is null
        and steps.duration_days < times.duration_days
        and steps.survival > 0 as is_beyond_follow_up,
        steps.n_at_risk,
        steps.n_events,
        steps.n_censored,
        steps.survival,
        steps.std_error,
        steps.ci_low,
        steps.ci_high,
        steps.interval_missing_reason
    from steps
    inner join times
        on
            steps.protocol_id = times.protocol_id
            and steps.duration_days <= times.duration_days
            and (
                steps.next_duration_days is null
                or steps.next_duration_days > times.duration_days
            )
),

-- Behind the last observation of an arm its curve is not known, unless nobody was left.
known as (
    select
        protocol_id,
        arm_id,
        arm_label,
        duration_days,
        case
            when is_step then n_at_risk
            else n_at_risk - n_events - n_censored
        end as n_at_risk,
        case when is_step then n_events else 0 end as n_events,
        case when is_step then n_censored else 0 end as n_censored,
        case when not is_beyond_follow_up then survival end as survival,
        case when not is_beyond_follow_up then std_error end as std_error,
        case when not is_beyond_follow_up then ci_low end as ci_low,
        case when not is_beyond_follow_up then ci_high end as ci_high,
        case
            when is_beyond_follow_up then 'beyond_follow_up'
            else interval_missing_reason
        end as interval_missing_reason
    from carried_forward
),

-- An arm in which nobody reached remission has its rows too, with nobody in them.
final as (
    select
        times.protocol_id,
        arms.arm_id,
        arms.arm_label,
        times.duration_days,
        coalesce(known.n_at_risk, 0) as n_at_risk,
        coalesce(known.n_events, 0) as n_events,
        coalesce(known.n_censored, 0) as n_censored,
        known.survival,
        known.std_error,
        known.ci_low,
        known.ci_high,
        'log-log' as ci_transform,
        case
            when known.arm_id is null then 'no_patients'
            else known.interval_missing_reason
        end as interval_missing_reason
    from times
    inner join arms
        on times.protocol_id = arms.protocol_id
    left join known
        on
            times.protocol_id = known.protocol_id
            and arms.arm_id = known.arm_id
            and times.duration_days = known.duration_days
)

select * from final

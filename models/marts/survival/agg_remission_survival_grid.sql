with curves as (
    select * from {{ ref('agg_remission_survival') }}
),

times as (
    select distinct
        protocol_id,
        duration_days
    from curves
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
        steps.ci_transform,
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
final as (
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
        ci_transform,
        case
            when is_beyond_follow_up then 'beyond_follow_up'
            else interval_missing_reason
        end as interval_missing_reason
    from carried_forward
)

select * from final

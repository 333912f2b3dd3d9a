with incidences as (
    select * from {{ ref('int_remission_loss_incidences') }}
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

final as (
    select
        incidences.protocol_id,
        incidences.arm_id,
        arms.arm_label,
        incidences.cause,
        incidences.duration_days,
        incidences.n_at_risk,
        incidences.n_events,
        incidences.incidence,
        incidences.std_error,
        incidences.ci_low,
        incidences.ci_high,
        'log-log' as ci_transform,
        incidences.interval_missing_reason
    from incidences
    inner join arms
        on
            incidences.protocol_id = arms.protocol_id
            and incidences.arm_id = arms.arm_id
)

select * from final

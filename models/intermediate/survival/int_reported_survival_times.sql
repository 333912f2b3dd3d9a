with survival_times as (
    select * from {{ ref('int_survival_times') }}
),

reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

final as (
    select
        reporting_arms.protocol_id,
        survival_times.outcome,
        reporting_arms.arm_id,
        survival_times.patient_id,
        survival_times.duration_days,
        survival_times.event,
        survival_times.is_event
    from survival_times
    inner join reporting_arms
        on
            survival_times.protocol_id = reporting_arms.protocol_id
            and survival_times.arm_id = reporting_arms.member_arm_id
)

select * from final

with protocols as (
    select * from {{ ref('int_protocols') }}
),

steps as (
    select * from {{ ref('attrition_steps') }}
),

attrition as (
    select * from {{ ref('int_patient_attrition') }}
),

counted as (
    select
        protocols.protocol_id,
        steps.step_number,
        steps.step,
        cast(count(attrition.patient_id) as integer) as n_remaining
    from protocols
    cross join steps
    left join attrition
        on
            protocols.protocol_id = attrition.protocol_id
            and steps.step_number <= attrition.last_step_number
    group by protocols.protocol_id, steps.step_number, steps.step
),

final as (
    select
        protocol_id,
        step_number,
        step,
        n_remaining,
        coalesce(
            lag(n_remaining) over (partition by protocol_id order by step_number)
            - n_remaining,
            0
        ) as n_excluded
    from counted
)

select * from final

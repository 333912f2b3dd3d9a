with arms as (
    select * from {{ ref('int_protocol_arms') }}
),

-- Each two arms of a protocol once.
final as (
    select
        arms.protocol_id,
        arms.arm_id,
        other_arms.arm_id as other_arm_id
    from arms
    inner join arms as other_arms
        on
            arms.protocol_id = other_arms.protocol_id
            and arms.arm_id < other_arms.arm_id
)

select * from final

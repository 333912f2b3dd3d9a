with arms as (
    select * from {{ ref('int_protocol_arms') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

-- Each arm stands for itself, and every arm for the row `all` of its protocol.
members as (
    select
        protocol_id,
        arm_id,
        arm_label,
        arm_id as member_arm_id
    from arms
    union all
    select
        protocol_id,
        'all' as arm_id,
        'all arms' as arm_label,
        arm_id as member_arm_id
    from arms
),

final as (
    select
        members.protocol_id,
        members.arm_id,
        members.arm_label,
        members.member_arm_id,
        protocols.days_per_month
    from members
    inner join protocols
        on members.protocol_id = protocols.protocol_id
)

select * from final

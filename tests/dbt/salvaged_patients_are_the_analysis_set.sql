with lost_before_salvage as (
    select *
    from {{ ref('agg_lost_before_salvage') }}
    where arm_id = 'all'
),

remission_by_arm as (
    select *
    from {{ ref('agg_remission_by_arm') }}
    where arm_id = 'all'
),

final as (
    select
        remission_by_arm.protocol_id,
        remission_by_arm.n_patients,
        lost_before_salvage.protocol_id as lost_protocol_id,
        lost_before_salvage.n_salvaged
    from remission_by_arm
    full outer join lost_before_salvage
        on remission_by_arm.protocol_id = lost_before_salvage.protocol_id
    where remission_by_arm.n_patients is distinct from lost_before_salvage.n_salvaged
)

select * from final

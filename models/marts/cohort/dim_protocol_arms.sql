with arms as (
    select * from {{ ref('int_protocol_arms') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

final as (
    select
        arms.protocol_id,
        arms.arm_id,
        arms.arm_label,
        arms.failed_ingredient,
        arms.salvage_ingredient,
        arms.window_days,
        protocols.diagnosis,
        protocols.require_steroid_refractory,
        protocols.require_failure,
        protocols.max_overlap_days,
        protocols.remission_within_days,
        protocols.ae_risk_window_days,
        protocols.days_per_month
    from arms
    inner join protocols
        on arms.protocol_id = protocols.protocol_id
)

select * from final

with records as (
    {{ own_reference_records('protocol_arms') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'protocol_arms') }}
),

final as (
    select
        line_number,
        protocol_id,
        arm_id,
        arm_label,
        failed_ingredient,
        salvage_ingredient,
        window_days,
        reason,
        column_name
    from typed
)

select * from final

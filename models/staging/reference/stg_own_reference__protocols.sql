with records as (
    {{ own_reference_records('protocols') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'protocols') }}
),

final as (
    select
        line_number,
        protocol_id,
        diagnosis,
        require_steroid_refractory,
        require_failure,
        window_days,
        max_overlap_days,
        remission_within_days,
        ae_risk_window_days,
        days_per_month,
        reason,
        column_name
    from typed
)

select * from final

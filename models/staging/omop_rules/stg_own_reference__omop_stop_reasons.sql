with records as (
    {{ own_reference_records('omop_stop_reasons') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'omop_stop_reasons') }}
),

final as (
    select
        line_number,
        source_stop_reason,
        stop_reason,
        reason,
        column_name
    from typed
)

select * from final

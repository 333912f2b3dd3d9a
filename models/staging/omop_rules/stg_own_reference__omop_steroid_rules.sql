with records as (
    {{ own_reference_records('omop_steroid_rules') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'omop_steroid_rules') }}
),

final as (
    select
        line_number,
        protocol_id,
        concept_set,
        lookback_days,
        reason,
        column_name
    from typed
)

select * from final

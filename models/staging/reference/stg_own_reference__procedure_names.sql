with records as (
    {{ own_reference_records('procedure_names') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'procedure_names') }}
),

final as (
    select
        line_number,
        procedure_name,
        procedure_group,
        reason,
        column_name
    from typed
)

select * from final

with records as (
    {{ own_reference_records('drug_names') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'drug_names') }}
),

final as (
    select
        line_number,
        drug_name,
        ingredient,
        reason,
        column_name
    from typed
)

select * from final

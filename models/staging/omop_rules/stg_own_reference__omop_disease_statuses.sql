with records as (
    {{ own_reference_records('omop_disease_statuses') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'omop_disease_statuses') }}
),

final as (
    select
        line_number,
        disease_status,
        concept_set,
        least_value,
        greatest_value,
        value_concept_set,
        reason,
        column_name
    from typed
)

select * from final

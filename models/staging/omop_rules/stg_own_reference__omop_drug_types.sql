with records as (
    {{ own_reference_records('omop_drug_types') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'omop_drug_types') }}
),

final as (
    select
        line_number,
        drug_type_concept_id,
        kind,
        assumed_days,
        reason,
        column_name
    from typed
)

select * from final

with records as (
    {{ own_reference_records('omop_daily_doses') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'omop_daily_doses') }}
),

final as (
    select
        line_number,
        ingredient_concept_id,
        daily_dose,
        unit_concept_id,
        reason,
        column_name
    from typed
)

select * from final

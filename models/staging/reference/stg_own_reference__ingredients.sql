with records as (
    {{ own_reference_records('ingredients') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'ingredients') }}
),

final as (
    select
        line_number,
        ingredient,
        omop_concept_id,
        rxnorm_code,
        atc_code,
        era_gap_days,
        is_rescue,
        reason,
        column_name
    from typed
)

select * from final

with records as (
    {{ own_reference_records('concept_sets') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'concept_sets') }}
),

final as (
    select
        line_number,
        concept_set,
        concept_id,
        include_descendants,
        is_excluded,
        reason,
        column_name
    from typed
)

select * from final

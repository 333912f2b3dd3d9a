with records as (
    {{ own_reference_records('omop_adverse_events') }}
),

typed as (
    {{ typed_cells('records', 'own_reference', 'omop_adverse_events') }}
),

final as (
    select
        line_number,
        event_term,
        concept_set,
        clean_window_days,
        is_serious_if_inpatient,
        fatal_within_days,
        reason,
        column_name
    from typed
)

select * from final

with records as (
    {{ input_records('adverse_events') }}
),

typed as (
    {{ typed_cells('records', 'clinic', 'adverse_events') }}
),

final as (
    select
        line_number,
        adverse_event_id,
        patient_id,
        event_term,
        onset_date,
        resolution_date,
        severity_grade,
        is_fatal,
        is_life_threatening,
        is_hospitalization,
        is_disability,
        is_medically_important,
        outcome,
        reason,
        column_name
    from typed
)

select * from final

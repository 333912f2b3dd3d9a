with accounted as (
    select * from {{ ref('int_adverse_events_accounted') }}
),

final as (
    select
        adverse_event_id,
        patient_id,
        event_term,
        onset_date,
        severity_grade,
        is_fatal,
        -- ICH E2A: what makes an event serious is its outcome, never its grade.
        (
            is_fatal
            or is_life_threatening
            or is_hospitalization
            or is_disability
            or is_medically_important
        ) as is_serious
    from accounted
    where disposition = 'accepted'
)

select * from final

with records as (
    select * from {{ input_relation('adverse_events') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

copies as (
    {{ numbered_copies('records', 'clinic', 'adverse_events') }}
),

joined as (
    select
        copies.line_number,
        copies.adverse_event_id,
        copies.patient_id,
        copies.event_term,
        copies.onset_date,
        copies.resolution_date,
        copies.severity_grade,
        copies.is_fatal,
        copies.is_life_threatening,
        copies.is_hospitalization,
        copies.is_disability,
        copies.is_medically_important,
        copies.outcome,
        copies.copy_number,
        copies.is_key_contradicted,
        copies.reason,
        copies.column_name,
        patients.patient_id as accepted_patient_id,
        patients.birth_date,
        patients.death_date,
        patients.observation_end_date
    from copies
    left join patients
        on copies.patient_id = patients.patient_id
),

judged as (
    select
        *,
        coalesce(
            reason,
            {{ event_reason('onset_date', 'resolution_date') }}
        ) as first_reason
    from joined
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
        {{ disposition('first_reason', 'copy_number') }} as disposition,
        first_reason as reason,
        coalesce(
            column_name,
            {{ event_reason_column(
                'first_reason', 'adverse_event_id', 'onset_date', 'resolution_date'
            ) }}
        ) as column_name
    from judged
)

select * from final

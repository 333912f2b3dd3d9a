with records as (
    select * from {{ input_relation('disease_assessments') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

copies as (
    {{ numbered_copies('records', 'clinic', 'disease_assessments') }}
),

joined as (
    select
        copies.line_number,
        copies.assessment_id,
        copies.patient_id,
        copies.assessment_date,
        copies.disease_status,
        copies.score_name,
        copies.score_value,
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
            {{ event_reason('assessment_date') }}
        ) as first_reason
    from joined
),

final as (
    select
        line_number,
        assessment_id,
        patient_id,
        assessment_date,
        disease_status,
        score_name,
        score_value,
        {{ disposition('first_reason', 'copy_number') }} as disposition,
        first_reason as reason,
        coalesce(
            column_name,
            {{ event_reason_column(
                'first_reason', 'assessment_id', 'assessment_date'
            ) }}
        ) as column_name
    from judged
)

select * from final

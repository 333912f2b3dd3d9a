with records as (
    select * from {{ input_relation('procedures') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

copies as (
    {{ numbered_copies('records', 'clinic', 'procedures') }}
),

joined as (
    select
        copies.line_number,
        copies.procedure_id,
        copies.patient_id,
        copies.procedure_name,
        copies.procedure_date,
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
            {{ event_reason('procedure_date') }}
        ) as first_reason
    from joined
),

final as (
    select
        line_number,
        procedure_id,
        patient_id,
        procedure_name,
        procedure_date,
        {{ disposition('first_reason', 'copy_number') }} as disposition,
        first_reason as reason,
        coalesce(
            column_name,
            {{ event_reason_column('first_reason', 'procedure_id', 'procedure_date') }}
        ) as column_name
    from judged
)

select * from final

with records as (
    select * from {{ input_relation('drug_exposures') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

copies as (
    {{ numbered_copies('records', 'clinic', 'drug_exposures') }}
),

joined as (
    select
        copies.line_number,
        copies.exposure_id,
        copies.patient_id,
        copies.drug_name,
        copies.route,
        copies.dose,
        copies.dose_unit,
        copies.start_date,
        copies.end_date,
        copies.stop_reason,
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
            {{ event_reason('start_date', 'end_date') }}
        ) as first_reason
    from joined
),

final as (
    select
        line_number,
        exposure_id,
        patient_id,
        drug_name,
        route,
        dose,
        dose_unit,
        start_date,
        end_date,
        stop_reason,
        coalesce(
            end_date > observation_end_date and first_reason is null, false
        ) as is_end_date_cut,
        {{ disposition('first_reason', 'copy_number') }} as disposition,
        first_reason as reason,
        coalesce(
            column_name,
            {{ event_reason_column(
                'first_reason', 'exposure_id', 'start_date', 'end_date'
            ) }}
        ) as column_name
    from judged
)

select * from final

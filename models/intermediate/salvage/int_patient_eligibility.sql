with patients as (
    select * from {{ ref('int_patients') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

written_diagnoses as (
    select distinct diagnosis
    from patients
    where diagnosis is not null
),

diagnoses as (
    select
        diagnosis as written_diagnosis,
        {{ folded_name('diagnosis') }} as diagnosis
    from written_diagnoses
),

final as (
    select
        protocols.protocol_id,
        patients.patient_id,
        coalesce(
            protocols.diagnosis is null or protocols.diagnosis = diagnoses.diagnosis,
            false
        ) as meets_diagnosis_rule,
        coalesce(
            not protocols.require_steroid_refractory or patients.steroid_refractory,
            false
        ) as meets_refractoriness_rule
    from protocols
    cross join patients
    left join diagnoses
        on patients.diagnosis = diagnoses.written_diagnosis
)

select * from final

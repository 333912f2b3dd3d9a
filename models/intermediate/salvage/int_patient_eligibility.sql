with patients as (
    select * from {{ ref('int_patients') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

diagnoses as (
    select * from {{ ref('int_patient_diagnoses') }}
),

refractoriness as (
    select * from {{ ref('int_steroid_refractoriness') }}
),

final as (
    select
        protocols.protocol_id,
        patients.patient_id,
        protocols.diagnosis is null or diagnoses.patient_id is not null
            as meets_diagnosis_rule,
        coalesce(
            not protocols.require_steroid_refractory
            or refractoriness.steroid_refractory,
            false
        ) as meets_refractoriness_rule
    from protocols
    cross join patients
    left join diagnoses
        on
            protocols.diagnosis = diagnoses.diagnosis
            and patients.patient_id = diagnoses.patient_id
    left join refractoriness
        on
            protocols.protocol_id = refractoriness.protocol_id
            and patients.patient_id = refractoriness.patient_id
)

select * from final

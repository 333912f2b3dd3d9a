with patients as (
    select * from {{ ref('int_patients') }}
),

refractoriness as (
    select * from {{ ref('int_steroid_refractoriness') }}
),

-- A CDM answers by protocol; a clinic's files say the same for all of them.
refractory_patients as (
    select
        patient_id,
        bool_or(steroid_refractory) as steroid_refractory
    from refractoriness
    group by patient_id
),

final as (
    select
        {{ as_text('patients.patient_id') }} as patient_id,
        patients.sex,
        patients.birth_date,
        patients.diagnosis,
        refractory_patients.steroid_refractory,
        patients.observation_end_date,
        patients.death_date
    from patients
    left join refractory_patients
        on patients.patient_id = refractory_patients.patient_id
)

select * from final

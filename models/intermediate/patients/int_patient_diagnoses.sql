with patients as (
    select * from {{ ref('int_patients') }}
),

{% if is_omop() -%}
diagnoses as (
    select * from {{ ref('int_omop_diagnoses') }}
),

final as (
    select
        patients.patient_id,
        diagnoses.diagnosis
    from patients
    inner join diagnoses
        on patients.patient_id = diagnoses.patient_id
)
{%- else -%}
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
        patients.patient_id,
        diagnoses.diagnosis
    from patients
    inner join diagnoses
        on patients.diagnosis = diagnoses.written_diagnosis
)
{%- endif %}

select * from final

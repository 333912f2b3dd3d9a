with patients as (
    select * from {{ ref('int_patients') }}
),

final as (
    select
        patient_id,
        sex,
        birth_date,
        diagnosis,
        steroid_refractory,
        observation_end_date,
        death_date
    from patients
)

select * from final

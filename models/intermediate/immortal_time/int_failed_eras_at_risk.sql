with arms as (
    select * from {{ ref('int_protocol_arms') }}
),

eras as (
    select * from {{ ref('int_drug_eras') }}
),

eligibility as (
    select * from {{ ref('int_patient_eligibility') }}
),

final as (
    select
        arms.protocol_id,
        arms.arm_id,
        eras.patient_id,
        arms.failed_ingredient,
        arms.window_days,
        eras.era_start_date as failed_era_start_date,
        eras.era_end_date as failed_era_end_date
    from arms
    inner join eras
        on arms.failed_ingredient = eras.ingredient
    inner join eligibility
        on
            arms.protocol_id = eligibility.protocol_id
            and eras.patient_id = eligibility.patient_id
    where
        eligibility.meets_diagnosis_rule
        and eligibility.meets_refractoriness_rule
        and (not arms.require_failure or eras.last_stop_reason = 'failure')
        and {{ failed_era_is_refractory(
            'arms.protocol_id',
            'eras.patient_id',
            'arms.failed_ingredient',
            'eras.era_start_date'
        ) }}
)

select * from final

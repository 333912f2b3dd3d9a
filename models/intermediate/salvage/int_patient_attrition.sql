with eligibility as (
    select * from {{ ref('int_patient_eligibility') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

eras as (
    select * from {{ ref('int_drug_eras') }}
),

episodes as (
    select * from {{ ref('int_salvage_episodes') }}
),

exposed as (
    select distinct
        arms.protocol_id,
        eras.patient_id
    from arms
    inner join eras
        on arms.failed_ingredient = eras.ingredient
),

switched as (
    select
        protocol_id,
        patient_id,
        bool_or(meets_failure_rule) as has_failed_first_drug,
        bool_or(
            meets_failure_rule and salvage_class = 'acute_salvage'
        ) as has_acute_salvage
    from episodes
    group by protocol_id, patient_id
),

-- Each step is asked only of those whom the steps before it left in. The numbers are
-- those of the seed attrition_steps.
final as (
    select
        eligibility.protocol_id,
        eligibility.patient_id,
        case
            when not eligibility.meets_diagnosis_rule then 1
            when not eligibility.meets_refractoriness_rule then 2
            when exposed.patient_id is null then 3
            when switched.patient_id is null then 4
            when not switched.has_failed_first_drug then 5
            when not switched.has_acute_salvage then 6
            else 7
        end as last_step_number
    from eligibility
    left join exposed
        on
            eligibility.protocol_id = exposed.protocol_id
            and eligibility.patient_id = exposed.patient_id
    left join switched
        on
            eligibility.protocol_id = switched.protocol_id
            and eligibility.patient_id = switched.patient_id
)

select * from final

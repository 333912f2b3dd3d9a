with eligibility as (
    select * from {{ ref('int_patient_eligibility') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

first_eras as (
    select * from {{ ref('int_first_failed_drug_eras') }}
),

episodes as (
    select * from {{ ref('int_traced_episodes') }}
),

failed_drugs as (
    select distinct
        protocol_id,
        failed_ingredient
    from arms
),

failed_drug_lists as (
    select
        protocol_id,
        {{ dbt.listagg('failed_ingredient', "', '", 'order by failed_ingredient') }}
            as failed_ingredients
    from failed_drugs
    group by protocol_id
),

exposed_to_failed_drug as (
    select
        eligibility.protocol_id,
        eligibility.patient_id,
        'exposed_to_failed_drug' as rule,
        case when first_eras.patient_id is null then 'not_met' else 'met' end
            as outcome,
        first_eras.arm_id,
        first_eras.failed_era_start_date,
        first_eras.failed_era_end_date,
        cast(null as date) as salvage_start_date,
        cast(null as integer) as gap_days,
        case
            when first_eras.patient_id is null then 'patient'
            else 'first_failed_drug_era'
        end as evidence,
        case
            when first_eras.patient_id is null
                then
                    'no accepted record is of a first drug of the protocol ('
                    || failed_drug_lists.failed_ingredients || ').'
            when first_eras.failed_era_start_date = first_eras.failed_era_end_date
                then
                    first_eras.failed_ingredient || ' was given on '
                    || {{ as_text('first_eras.failed_era_start_date') }} || '.'
            else
                first_eras.failed_ingredient || ' was given from '
                || {{ as_text('first_eras.failed_era_start_date') }} || ' to '
                || {{ as_text('first_eras.failed_era_end_date') }} || '.'
        end as explanation
    from eligibility
    inner join failed_drug_lists
        on eligibility.protocol_id = failed_drug_lists.protocol_id
    left join first_eras
        on
            eligibility.protocol_id = first_eras.protocol_id
            and eligibility.patient_id = first_eras.patient_id
    where eligibility.meets_diagnosis_rule and eligibility.meets_refractoriness_rule
),

not_switched as (
    select
        first_eras.protocol_id,
        first_eras.patient_id,
        'received_alternate_drug' as rule,
        'not_met' as outcome,
        first_eras.arm_id,
        first_eras.failed_era_start_date,
        first_eras.failed_era_end_date,
        cast(null as date) as salvage_start_date,
        cast(null as integer) as gap_days,
        'first_failed_drug_era' as evidence,
        'no accepted record has ' || first_eras.salvage_ingredient || ' begin after '
        || first_eras.failed_ingredient || ' began on '
        || {{ as_text('first_eras.failed_era_start_date') }} || '.'
        || case
            when first_eras.n_arms > 1
                then ' Nor the alternate drug of another arm whose drug was given.'
            else ''
        end as explanation
    from first_eras
    inner join eligibility
        on
            first_eras.protocol_id = eligibility.protocol_id
            and first_eras.patient_id = eligibility.patient_id
    left join episodes
        on
            first_eras.protocol_id = episodes.protocol_id
            and first_eras.patient_id = episodes.patient_id
    where
        eligibility.meets_diagnosis_rule
        and eligibility.meets_refractoriness_rule
        and episodes.patient_id is null
),

final as (
    select * from exposed_to_failed_drug
    union all
    select * from not_switched
)

select * from final

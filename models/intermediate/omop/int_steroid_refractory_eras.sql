with rules as (
    select * from {{ ref('int_omop_steroid_rules') }}
),

members as (
    select * from {{ ref('int_concept_set_members') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

exposures as (
    select * from {{ ref('int_drug_exposures_accounted') }}
),

eras as (
    select * from {{ ref('int_drug_eras') }}
),

steroids as (
    select
        rules.protocol_id,
        rules.lookback_days,
        exposures.patient_id,
        exposures.start_date,
        exposures.end_date
    from rules
    inner join members
        on rules.concept_set = members.concept_set
    inner join exposures
        on members.concept_id = exposures.drug_name
    where exposures.disposition = 'accepted'
),

failed_drugs as (
    select distinct
        protocol_id,
        failed_ingredient
    from arms
),

-- The days before the era: its first day is not one of them.
final as (
    select distinct
        steroids.protocol_id,
        eras.patient_id,
        eras.ingredient as failed_ingredient,
        eras.era_start_date as failed_era_start_date,
        steroids.lookback_days
    from eras
    inner join failed_drugs
        on eras.ingredient = failed_drugs.failed_ingredient
    inner join steroids
        on
            failed_drugs.protocol_id = steroids.protocol_id
            and eras.patient_id = steroids.patient_id
            and eras.era_start_date > steroids.start_date
            and eras.era_start_date
            <= {{ add_days('steroids.end_date', 'steroids.lookback_days') }}
)

select * from final

with exposures as (
    select * from {{ ref('int_omop_drug_exposures') }}
),

persons as (
    select * from {{ ref('int_omop_persons') }}
),

drug_ingredients as (
    select * from {{ ref('int_omop_drug_ingredients') }}
),

ingredients as (
    select
        ingredient_concept_id,
        row_number() over (order by ingredient_concept_id) as ingredient_number,
        {{ var('default_era_gap_days') }} as era_gap_days
    from {{ ref('int_omop_ingredients') }}
),

numbered_drugs as (
    select
        drug_ingredients.drug_concept_id,
        ingredients.ingredient_number
    from drug_ingredients
    inner join ingredients
        on
            drug_ingredients.ingredient_concept_id
            = ingredients.ingredient_concept_id
),

-- Whose record does not say when, or says that it ended first, is in no era.
numbered_exposures as (
    select
        persons.person_number as patient_number,
        numbered_drugs.ingredient_number,
        exposures.start_date,
        exposures.end_date
    from exposures
    inner join persons
        on exposures.patient_id = persons.person_id
    inner join numbered_drugs
        on exposures.drug_name = numbered_drugs.drug_concept_id
    where exposures.start_date <= exposures.end_date
),

eras as (
    {{ drug_eras('numbered_exposures', 'ingredients') }}  -- noqa: PRS
),

final as (
    select
        row_number() over (
            order by eras.patient_number, eras.ingredient_number, eras.era_start_date
        ) as drug_era_id,
        persons.person_id,
        ingredients.ingredient_concept_id as drug_concept_id,
        eras.era_start_date as drug_era_start_date,
        eras.era_end_date as drug_era_end_date,
        eras.n_exposures as drug_exposure_count,
        eras.gap_days
    from eras
    inner join persons
        on eras.patient_number = persons.person_number
    inner join ingredients
        on eras.ingredient_number = ingredients.ingredient_number
)

select * from final

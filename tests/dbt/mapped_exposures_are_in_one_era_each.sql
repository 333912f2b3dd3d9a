with accounted as (
    select * from {{ ref('int_drug_exposures_accounted') }}
),

name_ingredients as (
    select * from {{ ref('int_drug_name_ingredients') }}
),

eras as (
    select * from {{ ref('fct_drug_eras') }}
),

-- An exposure whose name has no row at all keeps a null ingredient, and fails.
exposure_counts as (
    select
        accounted.patient_id,
        name_ingredients.ingredient,
        count(*) as n_exposures
    from accounted
    left join name_ingredients
        on accounted.drug_name = name_ingredients.written_name
    where
        accounted.disposition = 'accepted'
        and name_ingredients.ingredient is distinct from 'unmapped'
    group by accounted.patient_id, name_ingredients.ingredient
),

era_counts as (
    select
        patient_id,
        ingredient,
        sum(n_exposures) as n_exposures
    from eras
    group by patient_id, ingredient
),

final as (
    select
        exposure_counts.patient_id,
        exposure_counts.ingredient,
        exposure_counts.n_exposures,
        era_counts.patient_id as era_patient_id,
        era_counts.ingredient as era_ingredient,
        era_counts.n_exposures as n_exposures_in_eras
    from exposure_counts
    full outer join era_counts
        on
            exposure_counts.patient_id = era_counts.patient_id
            and exposure_counts.ingredient = era_counts.ingredient
    where exposure_counts.n_exposures is distinct from era_counts.n_exposures
)

select * from final

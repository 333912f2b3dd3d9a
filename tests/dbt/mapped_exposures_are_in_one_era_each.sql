with exposure_counts as (
    select * from {{ ref('int_drug_exposure_counts') }}
),

name_ingredients as (
    select * from {{ ref('int_drug_name_ingredients') }}
),

patients as (
    select
        {{ as_text('patient_id') }} as patient_id,
        patient_number
    from {{ ref('int_patients') }}
),

eras as (
    select * from {{ ref('fct_drug_eras') }}
),

-- Both sides by groups of patients: to count each patient's costs as much as the eras.
-- An exposure whose name has no row at all keeps a null ingredient, and fails.
by_exposures as (
    select
        name_ingredients.ingredient,
        exposure_counts.patient_group,
        sum(exposure_counts.n_records) as n_exposures,
        sum(exposure_counts.sum_of_patient_numbers) as sum_of_patient_numbers
    from exposure_counts
    left join name_ingredients
        on exposure_counts.drug_name = name_ingredients.written_name
    where
        exposure_counts.disposition = 'accepted'
        and name_ingredients.ingredient is distinct from 'unmapped'
    group by name_ingredients.ingredient, exposure_counts.patient_group
),

by_eras as (
    select
        eras.ingredient,
        {{ patient_group('patients.patient_number') }} as patient_group,
        sum(eras.n_exposures) as n_exposures,
        sum(eras.n_exposures * patients.patient_number) as sum_of_patient_numbers
    from eras
    left join patients
        on eras.patient_id = patients.patient_id
    group by eras.ingredient, {{ patient_group('patients.patient_number') }}
),

final as (
    select
        by_exposures.ingredient,
        by_exposures.patient_group,
        by_exposures.n_exposures,
        by_eras.ingredient as era_ingredient,
        by_eras.patient_group as patient_group_of_eras,
        by_eras.n_exposures as n_exposures_in_eras
    from by_exposures
    full outer join by_eras
        on
            by_exposures.ingredient = by_eras.ingredient
            and by_exposures.patient_group = by_eras.patient_group
    where
        by_exposures.n_exposures is distinct from by_eras.n_exposures
        or by_exposures.sum_of_patient_numbers
        is distinct from by_eras.sum_of_patient_numbers
)

select * from final

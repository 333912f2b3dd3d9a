-- An exposure to a combination becomes one row per ingredient, whose id is the
-- exposure's id, a hyphen and the ingredient's concept id. An exposure without an
-- ingredient (a vaccine) keeps its own concept name and its bare id.
-- Route, dose and stop reason are empty: this CDM holds 0 or null there.
select
    concat_ws(
        '-', study_exposures.drug_exposure_id, study_exposures.ingredient_concept_id
    ) as exposure_id,
    study_exposures.person_id as patient_id,
    coalesce(study_exposures.ingredient_name, concept.concept_name) as drug_name,
    cast(null as varchar) as route,
    cast(null as double) as dose,
    cast(null as varchar) as dose_unit,
    study_exposures.drug_exposure_start_date as start_date,
    study_exposures.drug_exposure_end_date as end_date,
    cast(null as varchar) as stop_reason
from study_exposures
left join concept
    on study_exposures.drug_concept_id = concept.concept_id
order by
    study_exposures.drug_exposure_id,
    study_exposures.ingredient_concept_id

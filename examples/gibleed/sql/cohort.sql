-- The study's patients, and the ingredients of each drug, as views over an OMOP CDM.
-- "Ulcerative colitis and its like" is SNOMED concept 81893 with every descendant that
-- concept_ancestor holds, the way an OHDSI concept set is expanded.

create view study_conditions as
select descendant_concept_id as condition_concept_id
from concept_ancestor
where ancestor_concept_id = 81893
union
select 81893;

create view study_patients as
select
    condition_occurrence.person_id,
    min(condition_occurrence.condition_start_date) as diagnosis_date
from condition_occurrence
inner join study_conditions
    on condition_occurrence.condition_concept_id = study_conditions.condition_concept_id
group by condition_occurrence.person_id;

-- A combination product has one row per ingredient, a vaccine (CVX) has none.
create view drug_ingredients as
select
    concept_ancestor.descendant_concept_id as drug_concept_id,
    concept.concept_id as ingredient_concept_id,
    concept.concept_name as ingredient_name,
    concept.concept_code as rxnorm_code
from concept_ancestor
inner join concept
    on concept_ancestor.ancestor_concept_id = concept.concept_id
where
    concept.vocabulary_id = 'RxNorm'
    and concept.concept_class_id = 'Ingredient'
    and concept.standard_concept = 'S';

-- One row per exposure and ingredient; the rule of OMOP's own drug_era.
create view study_exposures as
select
    drug_exposure.drug_exposure_id,
    drug_exposure.person_id,
    drug_exposure.drug_concept_id,
    drug_ingredients.ingredient_concept_id,
    drug_ingredients.ingredient_name,
    drug_ingredients.rxnorm_code,
    drug_exposure.drug_exposure_start_date,
    drug_exposure.drug_exposure_end_date
from drug_exposure
inner join study_patients
    on drug_exposure.person_id = study_patients.person_id
left join drug_ingredients
    on drug_exposure.drug_concept_id = drug_ingredients.drug_concept_id;

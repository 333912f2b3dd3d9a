-- Ingredients that these patients took, with the codes of the CDM's concept table.
-- The CDM maps no ATC code; the persistence window is OMOP's 30 days for all.
-- Of the specification's rescue drugs only cyclosporine occurs here.
select distinct
    lower(ingredient_name) as ingredient,
    ingredient_concept_id as omop_concept_id,
    rxnorm_code,
    cast(null as varchar) as atc_code,
    30 as era_gap_days,
    ingredient_concept_id = 19010482 as is_rescue
from study_exposures
where ingredient_concept_id is not null
order by ingredient

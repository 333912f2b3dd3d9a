-- The export names every drug by its ingredient, so each name maps to itself.
-- Vaccines are left out on purpose: without an ingredient they stay `unmapped`.
select distinct
    ingredient_name as drug_name,
    lower(ingredient_name) as ingredient
from study_exposures
where ingredient_concept_id is not null
order by ingredient

with ingredients as (
    select * from {{ ref('int_omop_ingredients') }}
),

ancestors as (
    select * from {{ ref('stg_omop__concept_ancestor') }}
),

-- An ingredient is its own, whether or not concept_ancestor says so.
final as (
    select
        ancestors.descendant_concept_id as drug_concept_id,
        ingredients.ingredient_concept_id,
        ingredients.ingredient
    from ancestors
    inner join ingredients
        on ancestors.ancestor_concept_id = ingredients.ingredient_concept_id
    union distinct
    select
        ingredient_concept_id as drug_concept_id,
        ingredient_concept_id,
        ingredient
    from ingredients
)

select * from final

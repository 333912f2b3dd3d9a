{%- if is_omop() -%}
with exposures as (
    select * from {{ ref('stg_omop__drug_exposure') }}
),

drug_ingredients as (
    select * from {{ ref('int_omop_drug_ingredients') }}
),

drug_concepts as (
    select distinct drug_concept_id
    from exposures
    where drug_concept_id is not null
),

-- Two ingredient concepts of one name are one ingredient.
final as (
    select distinct
        drug_concepts.drug_concept_id as written_name,
        coalesce(drug_ingredients.ingredient, 'unmapped') as ingredient
    from drug_concepts
    left join drug_ingredients
        on drug_concepts.drug_concept_id = drug_ingredients.drug_concept_id
)

select * from final
{%- else -%}
with exposures as (
    select * from {{ ref('int_drug_exposures_accounted') }}
),

drug_names as (
    select * from {{ ref('int_drug_names') }}
),

written_names as (
    select distinct drug_name
    from exposures
    where disposition = 'accepted'
),

folded as (
    select
        drug_name as written_name,
        {{ folded_name('drug_name') }} as drug_name
    from written_names
),

final as (
    select
        folded.written_name,
        coalesce(drug_names.ingredient, 'unmapped') as ingredient
    from folded
    left join drug_names
        on folded.drug_name = drug_names.drug_name
)

select * from final
{%- endif %}

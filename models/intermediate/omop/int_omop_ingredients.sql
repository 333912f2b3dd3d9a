with concepts as (
    select * from {{ ref('stg_omop__concept') }}
),

members as (
    select * from {{ ref('int_concept_set_members') }}
),

own as (
    select * from {{ ref('stg_own_reference__ingredients') }}
),

shipped as (
    select * from {{ ref('ingredients') }}
),

ingredient_concepts as (
    select
        concept_id,
        concept_name
    from concepts
    where
        vocabulary_id = 'RxNorm'
        and concept_class_id = 'Ingredient'
        and standard_concept = 'S'
),

reference as (
    {%- for relation in ['own', 'shipped'] %}
    select
        {{ folded_name('ingredient') }} as ingredient,
        omop_concept_id,
        {{ loop.index }} as precedence
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- What the reference calls a concept: by a concept set of the ingredient's name, else by
-- the ingredient's own id; the study's own row before the shipped one.
names as (
    select
        members.concept_id,
        reference.ingredient,
        0 as precedence
    from members
    inner join reference
        on members.concept_set = reference.ingredient
    union distinct
    select
        omop_concept_id as concept_id,
        ingredient,
        precedence
    from reference
    where omop_concept_id is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by concept_id
            order by precedence, ingredient
        ) as name_order
    from names
),

final as (
    select
        ingredient_concepts.concept_id as ingredient_concept_id,
        coalesce(
            ranked.ingredient, {{ folded_name('ingredient_concepts.concept_name') }}
        ) as ingredient
    from ingredient_concepts
    left join ranked
        on
            ingredient_concepts.concept_id = ranked.concept_id
            and ranked.name_order = 1
)

select * from final

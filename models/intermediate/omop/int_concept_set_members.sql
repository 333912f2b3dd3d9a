with own as (
    select * from {{ ref('stg_own_reference__concept_sets') }}
),

shipped as (
    select * from {{ ref('concept_sets') }}
),

ancestors as (
    select * from {{ ref('stg_omop__concept_ancestor') }}
),

folded as (
    {%- for relation in ['own', 'shipped'] %}
    select distinct
        {{ folded_name('concept_set') }} as concept_set,
        concept_id,
        include_descendants,
        is_excluded,
        {{ loop.index }} as precedence
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

ranked as (
    select
        *,
        min(precedence) over (partition by concept_set) as first_precedence
    from folded
),

chosen as (
    select *
    from ranked
    where precedence = first_precedence
),

-- A concept belongs to itself, whether or not concept_ancestor says so.
expanded as (
    select
        concept_set,
        concept_id,
        is_excluded
    from chosen
    union distinct
    select
        chosen.concept_set,
        ancestors.descendant_concept_id as concept_id,
        chosen.is_excluded
    from chosen
    inner join ancestors
        on chosen.concept_id = ancestors.ancestor_concept_id
    where chosen.include_descendants
),

final as (
    select
        concept_set,
        concept_id
    from expanded
    group by concept_set, concept_id
    having not bool_or(is_excluded)
)

select * from final

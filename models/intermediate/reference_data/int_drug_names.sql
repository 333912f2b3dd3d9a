with own as (
    select * from {{ ref('stg_own_reference__drug_names') }}
),

shipped as (
    select * from {{ ref('drug_names') }}
),

folded as (
    {%- for relation in ['own', 'shipped'] %}
    select distinct
        {{ folded_name('drug_name') }} as drug_name,
        {{ folded_name('ingredient') }} as ingredient,
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
        min(precedence) over (partition by drug_name) as first_precedence
    from folded
),

final as (
    select
        drug_name,
        ingredient
    from ranked
    where precedence = first_precedence
)

select * from final

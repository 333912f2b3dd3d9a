with own as (
    select * from {{ ref('stg_own_reference__ingredients') }}
),

shipped as (
    select * from {{ ref('ingredients') }}
),

{% if is_omop() -%}
-- Any ingredient of the CDM can be a protocol's.
found as (
    select
        ingredient,
        cast(null as integer) as era_gap_days,
        false as is_rescue
    from {{ ref('int_omop_ingredients') }}
),

{% endif -%}
folded as (
    {%- for relation in ['own', 'shipped'] %}
    select
        {{ folded_name('ingredient') }} as ingredient,
        era_gap_days,
        is_rescue,
        {{ loop.index }} as precedence
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- if is_omop() %}
    union distinct
    select
        ingredient,
        era_gap_days,
        is_rescue,
        3 as precedence
    from found
    {%- endif %}
),

ranked as (
    select
        *,
        min(precedence) over (partition by ingredient) as first_precedence
    from folded
),

final as (
    select
        ingredient,
        row_number() over (order by ingredient) as ingredient_number,
        coalesce(era_gap_days, {{ var('default_era_gap_days') }}) as era_gap_days,
        coalesce(is_rescue, false) as is_rescue
    from ranked
    where precedence = first_precedence
)

select * from final

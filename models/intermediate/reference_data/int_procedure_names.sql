with own as (
    select * from {{ ref('stg_own_reference__procedure_names') }}
),

shipped as (
    select * from {{ ref('procedure_names') }}
),

folded as (
    {%- for relation in ['own', 'shipped'] %}
    select distinct
        {{ folded_name('procedure_name') }} as procedure_name,
        {{ folded_name('procedure_group') }} as procedure_group,
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
        min(precedence) over (partition by procedure_name) as first_precedence
    from folded
),

final as (
    select
        procedure_name,
        procedure_group
    from ranked
    where precedence = first_precedence
)

select * from final

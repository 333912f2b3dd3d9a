with own as (
    select * from {{ ref('stg_own_reference__protocol_arms') }}
),

shipped as (
    select * from {{ ref('protocol_arms') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

chosen as (
    {%- for relation in ['own', 'shipped'] %}
    select
        protocol_id,
        arm_id,
        arm_label,
        failed_ingredient,
        salvage_ingredient,
        window_days
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- else %}
    where not exists (select 1 from own)
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        chosen.protocol_id,
        chosen.arm_id,
        chosen.arm_label,
        {{ folded_name('chosen.failed_ingredient') }} as failed_ingredient,
        {{ folded_name('chosen.salvage_ingredient') }} as salvage_ingredient,
        coalesce(chosen.window_days, protocols.window_days) as window_days,
        protocols.max_overlap_days,
        protocols.require_failure
    from chosen
    inner join protocols
        on chosen.protocol_id = protocols.protocol_id
)

select * from final

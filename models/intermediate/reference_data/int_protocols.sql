-- The study's own protocols replace the shipped ones (SPEC 1), but never half of them:
-- depends_on: {{ ref('int_reference_problems') }}
with own as (
    select * from {{ ref('stg_own_reference__protocols') }}
),

shipped as (
    select * from {{ ref('protocols') }}
),

chosen as (
    {%- for relation in ['own', 'shipped'] %}
    select
        protocol_id,
        diagnosis,
        require_steroid_refractory,
        require_failure,
        window_days,
        max_overlap_days,
        remission_within_days,
        ae_risk_window_days,
        days_per_month
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
        protocol_id,
        {{ folded_name('diagnosis') }} as diagnosis,
        require_steroid_refractory,
        {% if is_omop() -%}
        -- A CDM knows no reason, unless its stop reasons are mapped.
        require_failure and exists (
            select 1 from {{ ref('int_omop_stop_reasons') }}
            where stop_reason = 'failure'
        ) as require_failure,
        {%- else -%}
        require_failure,
        {%- endif %}
        window_days,
        max_overlap_days,
        remission_within_days,
        ae_risk_window_days,
        days_per_month
    from chosen
)

select * from final

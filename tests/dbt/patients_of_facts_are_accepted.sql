{%- set facts = [
    'fct_drug_eras', 'fct_salvage_episodes', 'fct_remissions', 'fct_adverse_events',
    'fct_decision_trace', 'fct_treatment_lines'
] -%}
with patients as (
    select * from {{ ref('dim_patients') }}
),

{% for fact in facts -%}
{{ fact }} as (
    select * from {{ ref(fact) }}
),

{% endfor -%}
final as (
    {%- for fact in facts %}
    select distinct
        '{{ fact }}' as mart,
        {{ fact }}.patient_id
    from {{ fact }}
    left join patients
        on {{ fact }}.patient_id = patients.patient_id
    where patients.patient_id is null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select * from final

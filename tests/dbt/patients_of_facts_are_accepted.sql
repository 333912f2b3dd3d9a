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
fact_patients as (
    {%- for fact in facts %}
    select distinct
        '{{ fact }}' as mart,
        patient_id
    from {{ fact }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        fact_patients.mart,
        fact_patients.patient_id
    from fact_patients
    left join patients
        on fact_patients.patient_id = patients.patient_id
    where patients.patient_id is null
)

select * from final

{%- set counted = {
    'patients': ['person', 'stg_omop__person'],
    'drug_exposures': ['drug_exposure', 'stg_omop__drug_exposure'],
    'disease_assessments': [
        'measurement, observation', 'int_omop_disease_assessments'
    ],
    'procedures': ['procedure_occurrence', 'int_omop_procedures'],
    'adverse_events': ['condition_occurrence', 'int_omop_adverse_events'],
} -%}
with final as (
    {%- for table_name, (cdm_table, relation) in counted.items() %}
    select
        '{{ table_name }}' as table_name,
        '{{ cdm_table }}' as file_name,
        'not a file' as file_sha256,
        count(*) as n_records
    from {{ ref(relation) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select * from final

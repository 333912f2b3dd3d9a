{%- set tables = [
    'patients', 'drug_exposures', 'disease_assessments', 'procedures', 'adverse_events'
] -%}
with input_files as (
    select * from {{ ref('stg_clinic__input_files') }}
),

{% for table in tables -%}
{{ table }} as (
    select * from {{ ref('int_' ~ table ~ '_accounted') }}
),

{% endfor -%}
quarantined as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        line_number,
        reason,
        column_name
    from {{ table }}
    where disposition = 'quarantined'
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        quarantined.table_name,
        input_files.file_name,
        input_files.file_sha256,
        quarantined.line_number,
        quarantined.reason,
        quarantined.column_name
    from quarantined
    left join input_files
        on quarantined.table_name = input_files.table_name
)

select * from final

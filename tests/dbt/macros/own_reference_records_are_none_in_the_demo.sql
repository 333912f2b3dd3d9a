{{ config(tags=['development']) }}

{% for table in [
    'protocols', 'protocol_arms', 'ingredients', 'drug_names', 'procedure_names'
] %}
select '{{ table }}' as table_name
from ({{ own_reference_records(table) }}) as records
{{ 'union all' if not loop.last }}
{%- endfor %}

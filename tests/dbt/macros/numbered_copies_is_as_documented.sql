{{ config(tags=['development']) }}
{#-
    For every column of every table, as the contract has them, three records: variant 2
    differs from variant 1 in that column alone, variant 3 is a copy of variant 1; the other
    cells are empty. So whatever column differs, a record is no copy, and the key is
    contradicted unless it is the key that differs. The drug exposures of a CDM, of which the
    macro says something else, are left to the unit tests of models/intermediate/omop.
-#}
{%- set tables = ['patients', 'disease_assessments', 'procedures', 'adverse_events'] -%}
{%- if not is_omop() -%}
{%- do tables.append('drug_exposures') -%}
{%- endif %}

with variants (variant) as (
    values (3), (1), (2)
),

{% for table in tables -%}
{%- set columns = input_columns('clinic', table) %}
{{ table }}_columns (changed_column, column_number, is_key) as (
    values
    {%- for column in columns %}
    ('{{ column.name }}', {{ loop.index }}, {{ column.is_key | lower }})
    {{- ',' if not loop.last }}
    {%- endfor %}
),

{{ table }}_records as (
    select
        100 * variants.variant + changed.column_number as line_number,
        changed.changed_column,
        changed.is_key,
        variants.variant,
        {%- for column in columns %}
        case
            when changed.changed_column = '{{ column.name }}' and variants.variant = 2
                then 'other'
            {%- if column.is_key %}
            else changed.changed_column
            {%- else %}
            when changed.changed_column = '{{ column.name }}' then 'same'
            {%- endif %}
        end as {{ column.name }},
        {%- endfor %}
        cast(null as {{ dbt.type_string() }}) as reason
    from {{ table }}_columns as changed
    cross join variants
),

{{ table }}_copies as (
    {{ numbered_copies(table ~ '_records', 'clinic', table) }}
),

{% endfor -%}
computed as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        changed_column,
        variant,
        case when variant = 3 then 2 else 1 end as expected_copy_number,
        copy_number as actual_copy_number,
        not is_key as expected_contradiction,
        is_key_contradicted as actual_contradiction
    from {{ table }}_copies
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select *
from computed
where
    actual_copy_number is distinct from expected_copy_number
    or actual_contradiction is distinct from expected_contradiction

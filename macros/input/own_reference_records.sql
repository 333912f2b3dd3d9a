{#-
    The records of one of the study's own reference files, cells as text.

    own_reference_records(table_name) -> query: line_number, has_wrong_field_count, <columns>

    No rows where the study brings no such file, and none with the setting `input: seeds`.
-#}
{% macro own_reference_records(table_name) -%}
    {%- if var('input') == 'files' -%}
        select * from {{ source('own_reference', table_name) }}
    {%- else -%}
        select
            cast(null as bigint) as line_number,
            false as has_wrong_field_count
            {%- for column in salvage.input_columns('own_reference', table_name) %},
            cast(null as {{ dbt.type_string() }}) as {{ column.name }}
            {%- endfor %}
        where false
    {%- endif -%}
{%- endmacro %}

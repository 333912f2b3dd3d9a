{#-
    The records of one of the study's own reference files, cells as text.

    own_reference_records(table_name) -> query: line_number, has_wrong_field_count, <columns>

    No rows where the study brings no such file, and none with the setting `input: seeds`. With
    `input: omop` the files are those of `salvage run --protocol-dir`; dbt alone has none.
-#}
{% macro own_reference_records(table_name) -%}
    {%- set relation = source('own_reference', table_name) -%}
    {%- set is_loaded = var('input') == 'files' or (
        salvage.is_omop() and execute and load_relation(relation) is not none
    ) -%}
    {%- if is_loaded -%}
        select * from {{ relation }}
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

{#-
    The records of one input table, cells as text, wherever the input comes from.

    input_records(table_name) -> query: line_number, has_wrong_field_count, <columns>

    table_name: one of the five tables of SPEC 1. With the setting `input: seeds` the
    records are those of the demo seed; a seed row's line number is its position in the
    file (dbt refuses ragged rows itself). With `input: files` they are the gate's tables.
    With `input: omop` the models that call it are disabled; dbt only parses them.
    Error: a compiler error for any other value of the setting.
-#}
{% macro input_records(table_name) -%}
    {%- if var('input') in ('files', 'omop') -%}
        select * from {{ source('clinic', table_name) }}
    {%- elif var('input') == 'seeds' -%}
        select
            {{ salvage.seed_line_number() }} as line_number,
            false as has_wrong_field_count,
            seed_rows.*
        from {{ ref(table_name) }} as seed_rows
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "The setting input must be seeds, files or omop."
        ) }}
    {%- endif -%}
{%- endmacro %}

{#-
    Line of a seed row in its CSV file: the header is line 1. Row ids grow from row to row, but
    after a second `dbt seed` they do not start at 0.
-#}
{% macro seed_line_number() -%}
    {{ return(adapter.dispatch('seed_line_number', 'salvage')()) }}
{%- endmacro %}

{% macro duckdb__seed_line_number() -%}
    cast(row_number() over (order by seed_rows.rowid) + 1 as bigint)
{%- endmacro %}

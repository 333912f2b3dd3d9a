{#-
    The input files that were read: name, SHA-256 and number of records.

    input_files() -> query: table_name, file_name, file_sha256, n_records

    With the setting `input: files` as the gate measured them; with `input: seeds` as the
    seed demo_input_files states them (a test keeps it equal to the files).
-#}
{% macro input_files() -%}
    {%- if salvage.is_omop() %}
    select * from {{ ref('int_omop_tables') }}
    {%- else %}
    select
        table_name,
        file_name,
        file_sha256,
        n_records
    {%- if var('input') == 'files' %}
    from {{ source('clinic', 'input_files') }}
    {%- else %}
    from {{ ref('demo_input_files') }}
    {%- endif %}
    {%- endif %}
{%- endmacro %}

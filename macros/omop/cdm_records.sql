{#-
    The rows of one table of the OMOP CDM, with the columns that the source declares.

    cdm_records(table_name) -> query: <declared columns>, each of its declared type

    table_name: a table of source `omop`. A column that this CDM lacks is NULL; a table that it
    lacks has no rows (which of them may be missing is said in models/staging/omop, and checked
    by `salvage run` before anything is built).
-#}
{% macro cdm_records(table_name) -%}
    {%- set relation = source('omop', table_name) -%}
    {%- set found = [] -%}
    {%- set declared = [] -%}
    {%- if execute -%}
        {%- set declared = graph.sources['source.salvage.omop.' ~ table_name].columns.values() -%}
        {%- if load_relation(relation) is not none -%}
            {%- for column in adapter.get_columns_in_relation(relation) -%}
                {%- do found.append(column.name | lower) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
    select
        {%- for column in declared %}
        cast({{ column.name if column.name in found else 'null' }} as {{ column.data_type }})
            as {{ column.name }}
            {{- ',' if not loop.last }}
        {%- else %}
        1 as nothing
        {%- endfor %}
    {%- if found %}
    from {{ relation }}
    {%- else %}
    where false
    {%- endif %}
{%- endmacro %}

{#-
    The rows of a reference table in force: the study's own where it brings any, else the
    shipped ones.

    own_or_shipped(table_name) -> query: the table's columns

    table_name: a table of source `own_reference` that has a seed of its name. The study's rows
    are never half read: int_reference_problems refuses the file first.
-#}
{% macro own_or_shipped(table_name) -%}
    {%- for relation in [ref('stg_own_reference__' ~ table_name), ref(table_name)] %}
    select
        {%- for column in salvage.input_columns('own_reference', table_name) %}
        {{ column.name }}
        {{- ',' if not loop.last }}
        {%- else %}
        1 as nothing
        {%- endfor %}
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
    where not exists (select 1 from {{ ref('stg_own_reference__' ~ table_name) }})
{%- endmacro %}

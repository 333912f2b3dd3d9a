{#-
    Why a record of the CDM cannot be used (SPEC 1): two columns, `reason` and `column_name`, both
    NULL where nothing is missing.

    missing_required(columns) -> columns of a select list: reason (text, missing_required or
    NULL), column_name (text, the first column of the CDM that is missing)

    columns: mapping of each column that must be filled, in the order in which they are looked
    at: SQL expression -> name of the column as a text literal or expression.
-#}
{% macro missing_required(columns) -%}
    case
        when
            {% for expression in columns -%}
            {{ expression }} is null
            {%- if not loop.last %}
            or {% endif -%}
            {%- endfor %}
            then 'missing_required'
    end as reason,
    case
        {%- for expression, name in columns.items() %}
        when {{ expression }} is null then {{ name }}
        {%- endfor %}
    end as column_name
{%- endmacro %}

{#-
    A value as text: a number with its digits, a date as YYYY-MM-DD.

    as_text(value) -> text

    value: SQL expression of type INTEGER or DATE. NULL gives NULL.
    Engines: DuckDB (verified by tests/dbt/macros); Spark writes dates so too, PostgreSQL where
    DateStyle is ISO, its default.
-#}
{% macro as_text(value) -%}
    cast({{ value }} as {{ dbt.type_string() }})
{%- endmacro %}

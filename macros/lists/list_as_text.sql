{#-
    A list of texts as one text, with a separator between its members.

    list_as_text(list, separator) -> text

    list: SQL expression, a list of texts without NULL. separator: text, written as it is.
    One member: that member. NULL gives NULL.
    Engines: DuckDB (verified by tests/dbt/macros); an unknown engine fails loudly.
-#}
{% macro list_as_text(list, separator) -%}
    {{ return(adapter.dispatch('list_as_text', 'salvage')(list, separator)) }}
{%- endmacro %}

{% macro duckdb__list_as_text(list, separator) -%}
    array_to_string({{ list }}, '{{ separator }}')
{%- endmacro %}

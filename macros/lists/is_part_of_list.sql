{#-
    Is every member of one list in the other?

    is_part_of_list(part, whole) -> boolean

    part, whole: SQL expressions, lists of one type without NULL. Equal lists: true. Order does not
    matter. NULL in either gives NULL.
    Engines: DuckDB (verified by tests/dbt/macros); an unknown engine fails loudly.
-#}
{% macro is_part_of_list(part, whole) -%}
    {{ return(adapter.dispatch('is_part_of_list', 'salvage')(part, whole)) }}
{%- endmacro %}

{% macro duckdb__is_part_of_list(part, whole) -%}
    list_has_all({{ whole }}, {{ part }})
{%- endmacro %}

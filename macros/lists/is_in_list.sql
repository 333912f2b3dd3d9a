{#-
    Is a value a member of a list?

    is_in_list(value, list) -> boolean

    value: SQL expression. list: SQL expression, a list of value's type without NULL. NULL in
    either gives NULL.
    Engines: DuckDB (verified by tests/dbt/macros); an unknown engine fails loudly.
-#}
{% macro is_in_list(value, list) -%}
    {{ return(adapter.dispatch('is_in_list', 'salvage')(value, list)) }}
{%- endmacro %}

{% macro duckdb__is_in_list(value, list) -%}
    case
        when {{ value }} is not null
            then list_contains({{ list }}, {{ value }})
    end
{%- endmacro %}

{#-
    Aggregate: the values of a group as a list, in an order.

    sorted_list(value, order_by) -> list of value's type

    value: SQL expression, never NULL. order_by: SQL expression that no two rows of a group share.
    Engines: DuckDB (verified by tests/dbt/macros). Each engine has its own lists, so each has
    its own body and an unknown engine fails loudly.
-#}
{% macro sorted_list(value, order_by) -%}
    {{ return(adapter.dispatch('sorted_list', 'salvage')(value, order_by)) }}
{%- endmacro %}

{% macro duckdb__sorted_list(value, order_by) -%}
    list({{ value }} order by {{ order_by }})
{%- endmacro %}

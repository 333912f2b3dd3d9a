{#-
    Select-list expression that repeats a row for every whole number from low to high.

    each_integer(low, high) -> bigint, one row for each; none where low > high or either is NULL

    low, high: BIGINT expressions; both ends are in.
    Engines: DuckDB (verified). Series are written differently on each, so each has its own body
    and an unknown engine fails loudly.
-#}
{% macro each_integer(low, high) -%}
    {{ return(adapter.dispatch('each_integer', 'salvage')(low, high)) }}
{%- endmacro %}

{% macro duckdb__each_integer(low, high) -%}
    unnest(range({{ low }}, {{ high }} + 1))
{%- endmacro %}

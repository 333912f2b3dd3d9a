{#- The engine's 64-bit floating-point type (dbt.type_float() is 32-bit on DuckDB). -#}
{% macro double_type() -%}
    {{ return(adapter.dispatch('double_type', 'salvage')()) }}
{%- endmacro %}

{% macro duckdb__double_type() -%}double{%- endmacro %}

{#-
    Whole days from one date to a later one.

    days_between(start_date, end_date) -> integer, days

    start_date, end_date: SQL expressions of type DATE.
    Same day: 0; the next day: 1; an end before the start: negative.
    NULL in either gives NULL. `gap_days` of SPEC 0 is days_between(failed end, salvage start).

    Engines: DuckDB (verified by tests/dbt/macros). Date subtraction differs between
    engines, so each has its own body and an unknown engine fails loudly.
-#}
{% macro days_between(start_date, end_date) -%}
    {{ return(adapter.dispatch('days_between', 'salvage')(start_date, end_date)) }}
{%- endmacro %}

{% macro duckdb__days_between(start_date, end_date) -%}
    cast(date_diff('day', {{ start_date }}, {{ end_date }}) as integer)
{%- endmacro %}

{#-
    The date a number of days after a date.

    add_days(start_date, n_days) -> DATE

    start_date: SQL expression of type DATE. n_days: SQL expression of type INTEGER, may be
    negative or 0. NULL in either gives NULL. `date + integer` is DATE on DuckDB,
    PostgreSQL and Spark alike (dbt.dateadd would give a TIMESTAMP).
-#}
{% macro add_days(start_date, n_days) -%}
    cast({{ start_date }} + cast({{ n_days }} as integer) as date)
{%- endmacro %}

{#-
    Window: the rows of a partition from one day to another, both counted.

    over_days(partition_by, day, first_day, last_day) -> the clause `over (...)`, which follows an
    aggregate

    partition_by: SQL column list. day: SQL expression of type INTEGER, the day of a row
    (day_number). first_day, last_day: INTEGER expressions, days after the row's own day, not
    negative, that may differ from row to row; 0 is its own day, which it shares with all rows of
    that day. first_day NULL: from the partition's first row on. last_day < first_day: no row, and
    so count(*) is 0.

    Windows over the same partition and day share one sort. A join on days would compare all rows
    of a patient with each other.
    Engines: DuckDB (verified by tests/dbt/macros). PostgreSQL and Spark take no column in a frame,
    so that they need another way, and an unknown engine fails loudly.
-#}
{% macro over_days(partition_by, day, first_day, last_day) -%}
    {{ return(adapter.dispatch('over_days', 'salvage')(
        partition_by, day, first_day, last_day
    )) }}
{%- endmacro %}

{% macro duckdb__over_days(partition_by, day, first_day, last_day) -%}
    over (
        partition by {{ partition_by }}
        order by {{ day }}
        range between
        {% if first_day is none -%}
            unbounded preceding
        {%- else -%}
            {{ first_day }} following
        {%- endif %}
        and {{ last_day }} following
    )
{%- endmacro %}

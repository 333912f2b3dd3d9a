{#-
    Days in a closed interval, both ends counted: person-days at risk (SPEC 5).

    inclusive_days(start_date, end_date) -> integer, days

    start_date, end_date: SQL expressions of type DATE. Same day: 1.
    An end on the day before the start gives 0. NULL in either gives NULL.
-#}
{% macro inclusive_days(start_date, end_date) -%}
    ({{ salvage.days_between(start_date, end_date) }} + 1)
{%- endmacro %}

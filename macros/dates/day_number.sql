{#-
    A date as a whole number, one more each day: for windows that are measured in days.

    day_number(day) -> integer, days since the setting earliest_date (day 0)

    day: SQL expression of type DATE; earlier days are negative. NULL gives NULL.
-#}
{% macro day_number(day) -%}
    {{ salvage.days_between("date '" ~ var('earliest_date') ~ "'", day) }}
{%- endmacro %}

{#-
    Days as months, for display only: no rule may depend on it (SPEC 4).

    days_to_months(n_days, days_per_month) -> double, months

    n_days: INTEGER expression, days. days_per_month: the protocol's days in a month (> 0),
    e.g. 30.416667. NULL in either gives NULL.
-#}
{% macro days_to_months(n_days, days_per_month) -%}
    (cast({{ n_days }} as {{ salvage.double_type() }}) / {{ days_per_month }})
{%- endmacro %}

{#-
    Last day on which an adverse event of an episode is treatment-emergent (SPEC 5).

    risk_end_date(salvage_end_date, ae_risk_window_days, observation_end_date) -> DATE

    salvage_end_date, observation_end_date: SQL expressions of type DATE. ae_risk_window_days:
    INTEGER expression, days after the end of the salvage era. The window ends with
    observation if that is earlier; both ends are in it.
-#}
{% macro risk_end_date(salvage_end_date, ae_risk_window_days, observation_end_date) -%}
    least(
        {{ salvage.add_days(salvage_end_date, ae_risk_window_days) }},
        {{ observation_end_date }}
    )
{%- endmacro %}

{#-
    Incidence rate: events per 100 person-years at risk (SPEC 5).

    rate_per_100_person_years(n_events, person_days) -> double, per 100 person-years

    n_events: INTEGER expression. person_days: INTEGER expression, days at risk summed over
    persons. A person-year has the setting `days_per_year` days.
    person_days = 0 or NULL in either gives NULL.
-#}
{% macro rate_per_100_person_years(n_events, person_days) -%}
    case
        when {{ person_days }} > 0
            then
                100 * cast({{ n_events }} as {{ salvage.double_type() }})
                * {{ var('days_per_year') }} / {{ person_days }}
    end
{%- endmacro %}

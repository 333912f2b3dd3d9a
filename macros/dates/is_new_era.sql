{#-
    Does an exposure begin a new era, given what came before it?

    is_new_era(start_date, running_max_end_date, era_gap_days) -> boolean, never NULL
    for a non-NULL start_date and era_gap_days

    start_date: DATE, the exposure's first day. running_max_end_date: DATE, the greatest
    end of all earlier exposures of the patient and ingredient; NULL: there is none, so
    an era begins. era_gap_days: INTEGER, the persistence window.
    Boundary: start = running max end + era_gap_days still belongs to the running era;
    one day later begins a new one (SPEC 2).
-#}
{% macro is_new_era(start_date, running_max_end_date, era_gap_days) -%}
    (
        {{ running_max_end_date }} is null
        or {{ start_date }}
        > {{ salvage.add_days(running_max_end_date, era_gap_days) }}
    )
{%- endmacro %}

{#-
    Is a date in the window that opens on an anchor date and stays open for n days?

    is_within_days_after(event_date, anchor_date, n_days) -> boolean

    The window is closed: anchor_date and anchor_date + n_days are both in it.
    event_date, anchor_date: SQL expressions of type DATE. n_days: INTEGER expression.
    n_days NULL: no limit, every date on or after the anchor is in.
    event_date or anchor_date NULL: NULL.
-#}
{% macro is_within_days_after(event_date, anchor_date, n_days) -%}
    (
        {{ event_date }} >= {{ anchor_date }}
        and (
            {{ n_days }} is null
            or {{ event_date }} <= {{ salvage.add_days(anchor_date, n_days) }}
        )
    )
{%- endmacro %}

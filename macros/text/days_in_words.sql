{#-
    A number of days as a sentence says it: `1 day`, `28 days`, `0 days`.

    days_in_words(n_days) -> text

    n_days: INTEGER expression, 0 or more. NULL gives NULL.
-#}
{% macro days_in_words(n_days) -%}
    (
        {{ salvage.as_text(n_days) }}
        || case when {{ n_days }} = 1 then ' day' else ' days' end
    )
{%- endmacro %}

{#-
    A count as a share of a total.

    proportion(n_events, n_total) -> double in [0, 1]

    n_events, n_total: INTEGER expressions, 0 <= n_events <= n_total.
    n_total = 0 or NULL in either gives NULL.
-#}
{% macro proportion(n_events, n_total) -%}
    case
        when {{ n_total }} > 0
            then cast({{ n_events }} as {{ salvage.double_type() }}) / {{ n_total }}
    end
{%- endmacro %}

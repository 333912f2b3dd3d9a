{#-
    Natural logarithm of the gamma function; log_gamma(n + 1) is that of n factorial.

    log_gamma(z) -> double; absolute error below 1e-12 + 1e-15 * |result|

    z: double expression, at least 1. NULL gives NULL.
    Source: Stirling's series (Abramowitz and Stegun 6.1.41) eight places further on, where its
    terms are small, and the recurrence back (6.1.15). No engine's own lgamma is shared by all.
-#}
{% macro log_gamma(z) -%}
    {%- set shifted = '(' ~ z ~ ' + 8e0)' -%}
    {%- set inverse_square = '(1e0 / (' ~ shifted ~ ' * ' ~ shifted ~ '))' -%}
    (
        ({{ shifted }} - 0.5e0) * ln({{ shifted }}) - {{ shifted }}
        + 0.9189385332046727e0
        + (
            1e0 / 12 - {{ inverse_square }} * (
                1e0 / 360 - {{ inverse_square }} * (
                    1e0 / 1260 - {{ inverse_square }} * (
                        1e0 / 1680 - {{ inverse_square }} * (
                            1e0 / 1188 - {{ inverse_square }} * 691e0 / 360360
                        )
                    )
                )
            )
        ) / {{ shifted }}
        - ln(
            {{ z }} * ({{ z }} + 1e0) * ({{ z }} + 2e0) * ({{ z }} + 3e0)
            * ({{ z }} + 4e0) * ({{ z }} + 5e0) * ({{ z }} + 6e0) * ({{ z }} + 7e0)
        )
    )
{%- endmacro %}

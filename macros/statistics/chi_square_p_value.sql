{#-
    P value of a chi-square statistic with one degree of freedom: its upper tail.

    chi_square_p_value(chi_square) -> double in [0, 1]

    chi_square: double expression, >= 0, e.g. of a log-rank test between two arms. 0 gives 1;
    NULL gives NULL. Relative error below 1e-11 where p > 1e-300.
    Source: it is erfc(z) with z squared = chi_square / 2. Up to z = 1, one less the series of
    Abramowitz and Stegun 7.1.6, whose terms are all positive; above, the trapezoidal rule of
    Chiarella C, Reiche A, Math Comp 1968;22:137-43 with steps of h = 1/2, whose correction for
    the pole at z falls away beyond z = pi / h.
-#}
{% macro chi_square_p_value(chi_square) -%}
    {%- set z = 'sqrt(' ~ chi_square ~ ' / 2e0)' -%}
    {%- set product = namespace(value=1) -%}
    case
        when {{ chi_square }} <= 2
            then
                1e0 - sqrt(2e0 * {{ chi_square }} / 3.141592653589793e0)
                * exp(-{{ chi_square }} / 2e0) * (
                    1e0
                    {%- for term in range(1, 19) %}
                    {%- set product.value = product.value * (2 * term + 1) %}
                    + power({{ chi_square }}, {{ term }}) / {{ product.value }}e0
                    {%- endfor %}
                )
        else
            {{ z }} * exp(-{{ chi_square }} / 2e0) / 6.283185307179586e0 * (
                2e0 / {{ chi_square }}
                {%- for step in range(1, 13) %}
                + 2e0 * exp(-{{ step * step }}e0 / 4)
                / ({{ step * step }}e0 / 4 + {{ chi_square }} / 2e0)
                {%- endfor %}
            ) - case
                when {{ chi_square }} < 78
                    then 2e0 / (exp(12.566370614359172e0 * {{ z }}) - 1)
                else 0e0
            end
    end
{%- endmacro %}

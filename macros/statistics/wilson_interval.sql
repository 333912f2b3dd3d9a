{#-
    Wilson score interval of a proportion, 95%.

    wilson_low(n_events, n_total), wilson_high(n_events, n_total) -> double in [0, 1]

    n_events, n_total: INTEGER expressions, 0 <= n_events <= n_total.
    n_total = 0 or NULL in either gives NULL. n_events = 0 gives a low of exactly 0,
    n_events = n_total a high of exactly 1.
    Source: Wilson EB, J Am Stat Assoc 1927;22:209-12. Default interval of SPEC 6.
-#}
{% macro wilson_low(n_events, n_total) -%}
    case
        when {{ n_total }} > 0 and {{ n_events }} = 0 then 0.0
        when {{ n_total }} > 0 then {{ salvage._wilson_bound(n_events, n_total, '-') }}
    end
{%- endmacro %}

{% macro wilson_high(n_events, n_total) -%}
    case
        when {{ n_total }} > 0 and {{ n_events }} = {{ n_total }} then 1.0
        when {{ n_total }} > 0 then {{ salvage._wilson_bound(n_events, n_total, '+') }}
    end
{%- endmacro %}

{#- One bound; sign '-' is the low one. -#}
{% macro _wilson_bound(n_events, n_total, sign) -%}
    {%- set z = salvage.z_95() -%}
    {%- set x = 'cast(' ~ n_events ~ ' as ' ~ salvage.double_type() ~ ')' -%}
    {%- set n = 'cast(' ~ n_total ~ ' as ' ~ salvage.double_type() ~ ')' -%}
    (
        {{ x }} + {{ z }} * {{ z }} / 2 {{ sign }} {{ z }} * sqrt(
            {{ x }} * ({{ n }} - {{ x }}) / {{ n }} + {{ z }} * {{ z }} / 4
        )
    ) / ({{ n }} + {{ z }} * {{ z }})
{%- endmacro %}

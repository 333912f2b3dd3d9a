{#-
    97.5% point of the standard normal distribution, for two-sided 95% intervals.

    z_95() -> double literal
-#}
{% macro z_95() -%}1.959963984540054e0{%- endmacro %}

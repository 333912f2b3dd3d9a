{#-
    A double made ready to be summed: the sum is then the same in any order of rows and threads.

    _exact_summand(value) -> decimal(38, 18)

    value: double expression below 1e20 in size. NULL gives NULL. The error is below 1e-18.
-#}
{% macro _exact_summand(value) -%}
    cast({{ value }} as decimal(38, 18))
{%- endmacro %}

{#-
    Does the input come from an OMOP CDM? For the few rules that a CDM can only answer from
    its records (docs/omop.md).

    is_omop() -> true or false, while dbt compiles
-#}
{% macro is_omop() -%}
    {{ return(var('input') == 'omop') }}
{%- endmacro %}

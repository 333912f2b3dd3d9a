{#- A schema is named as written (`marts`, not `main_marts`): public names are stable. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{#-
    The typed records of one input table, wherever the input comes from.

    input_relation(table_name) -> relation with the columns of stg_clinic__<table_name>

    table_name: one of the five tables of SPEC 1. With the setting `input: omop` they are made
    from the CDM: ids are its BIGINT keys, drug_name is the drug's concept id, and
    line_number the record's key in the CDM, since a table has no lines.
-#}
{% macro input_relation(table_name) -%}
    {%- if var('input') == 'omop' -%}
        {{ return(ref('int_omop_' ~ table_name)) }}
    {%- else -%}
        {{ return(ref('stg_clinic__' ~ table_name)) }}
    {%- endif -%}
{%- endmacro %}

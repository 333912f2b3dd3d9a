{#-
    The columns of an input table as the input contract declares them.

    input_columns(source_name, table_name) -> list of {name, kind, is_required, is_key, codes}

    source_name: 'clinic' or 'own_reference'. The list is in the SPEC's column order and
    empty while dbt only parses. Error: a compiler error for a table that is not declared.
    Source of the contract: models/staging/*/_*__sources.yml.
-#}
{% macro input_columns(source_name, table_name) %}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- set ids = 'source.salvage.' ~ source_name ~ '.' ~ table_name -%}
        {%- if ids not in graph.sources -%}
            {{ exceptions.raise_compiler_error(
                "No input table '" ~ table_name ~ "' in source '" ~ source_name ~ "'."
            ) }}
        {%- endif -%}
        {%- for column in graph.sources[ids].columns.values() -%}
            {%- set meta = column.config.meta -%}
            {%- do columns.append({
                'name': column.name,
                'kind': meta.kind,
                'is_required': meta.get('is_required', false),
                'is_key': meta.get('is_key', false),
                'codes': meta.get('codes', []),
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{% endmacro %}

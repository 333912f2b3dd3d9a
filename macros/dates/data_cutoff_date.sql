{#-
    The setting `data_cutoff_date` as SQL.

    data_cutoff_date() -> DATE; NULL where the setting is empty (no cut-off)

    Error: a compiler error where the setting is not a calendar day written YYYY-MM-DD.
-#}
{% macro data_cutoff_date() -%}
    {%- set setting = var('data_cutoff_date') | string | trim -%}
    {%- if setting == '' -%}
        cast(null as date)
    {%- elif modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', setting) -%}
        cast('{{ setting }}' as date)
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "The setting data_cutoff_date must be a day written YYYY-MM-DD, or empty."
        ) }}
    {%- endif -%}
{%- endmacro %}

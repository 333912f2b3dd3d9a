{#-
    The setting `data_cutoff_date` as SQL.

    data_cutoff_date() -> DATE; NULL where the setting is empty (no cut-off)

    Error: a compiler error where the setting is not a calendar day written YYYY-MM-DD.
-#}
{% macro data_cutoff_date() -%}
    {%- set setting = var('data_cutoff_date') | string | trim -%}
    {%- set parts = modules.re.fullmatch(
        '(?!0000)([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])', setting
    ) -%}
    {%- if setting == '' -%}
        cast(null as date)
    {%- elif parts and salvage._day_of_month(*parts.groups()) == setting -%}
        cast('{{ setting }}' as date)
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "The setting data_cutoff_date must be a day written YYYY-MM-DD, or empty."
        ) }}
    {%- endif -%}
{%- endmacro %}

{#- The n-th day from the first of a month, YYYY-MM-DD: 30 February is 1 or 2 March. -#}
{% macro _day_of_month(year, month, day) -%}
    {%- set first = modules.datetime.date(year | int, month | int, 1) -%}
    {{ return((first + modules.datetime.timedelta(days=(day | int) - 1)).isoformat()) }}
{%- endmacro %}

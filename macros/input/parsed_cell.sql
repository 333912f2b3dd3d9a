{#-
    A trimmed text cell as a value of its kind (SPEC 1).

    parsed_cell(cell, kind, codes)
        -> value, or NULL where the cell is NULL or not of its kind

    cell: SQL expression of type text. kind -> type:
    id: text, `[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}`; text: text;
    date: DATE, a real calendar day YYYY-MM-DD from the setting `earliest_date` on;
    boolean, flag: boolean, of true/false, t/f, yes/no, y/n, 1/0 in any case;
    number: double, a plain decimal, finite; positive_number: > 0;
    count: integer >= 0; positive_count: integer >= 1; days: integer from 0 to the setting
    `max_days`;
    grade: integer 1 to 5;
    code: text, as the list `codes` spells it, matched in any case; lower() alone would also
    take letters outside ASCII (Kelvin sign, dotted capital I), and engines differ in which.
    Error: a compiler error for any other kind.
-#}
{% macro parsed_cell(cell, kind, codes=[]) -%}
    {%- set number = salvage.parsed_number(cell) -%}
    {%- set greatest = var('max_days') if kind == 'days' else 2147483647 -%}
    {%- if kind == 'text' -%}
        {{ cell }}
    {%- elif kind == 'id' -%}
        case
            when {{ salvage.matches_whole(cell, '[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}') }}
                then {{ cell }}
        end
    {%- elif kind == 'date' -%}
        {{ salvage.parsed_date(cell) }}
    {%- elif kind in ('boolean', 'flag') -%}
        case
            when lower({{ cell }}) in ('true', 't', 'yes', 'y', '1') then true
            when lower({{ cell }}) in ('false', 'f', 'no', 'n', '0') then false
        end
    {%- elif kind == 'number' -%}
        {{ number }}
    {%- elif kind == 'positive_number' -%}
        case when {{ number }} > 0 then {{ number }} end
    {%- elif kind in ('count', 'positive_count', 'days') -%}
        case
            when
                {{ number }} between {{ 1 if kind == 'positive_count' else 0 }}
                and {{ greatest }}
                and floor({{ number }}) = {{ number }}
                then cast({{ number }} as integer)
        end
    {%- elif kind == 'grade' -%}
        case when {{ number }} in (1, 2, 3, 4, 5) then cast({{ number }} as integer) end
    {%- elif kind == 'code' -%}
        case
            when {{ salvage.matches_whole(cell, '[A-Za-z0-9_]+') }}
                then
                    case lower({{ cell }})
                        {%- for code in codes %}
                        when '{{ code | lower }}' then '{{ code }}'
                        {%- endfor %}
                    end
        end
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "No kind of cell is called '" ~ kind ~ "'."
        ) }}
    {%- endif -%}
{%- endmacro %}

{#- A plain decimal as a finite double; anything else NULL. -#}
{% macro parsed_number(cell) -%}
    {{ return(adapter.dispatch('parsed_number', 'salvage')(cell)) }}
{%- endmacro %}

{% macro duckdb__parsed_number(cell) -%}
    case
        when
            {{ salvage.matches_whole(
                cell, '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?'
            ) }}
            and isfinite(try_cast({{ cell }} as double))
            then try_cast({{ cell }} as double)
    end
{%- endmacro %}

{#- A calendar day written YYYY-MM-DD; anything else NULL. -#}
{% macro parsed_date(cell) -%}
    {{ return(adapter.dispatch('parsed_date', 'salvage')(cell)) }}
{%- endmacro %}

{% macro duckdb__parsed_date(cell) -%}
    case
        when
            {{ salvage.matches_whole(cell, '[0-9]{4}-[0-9]{2}-[0-9]{2}') }}
            and try_cast({{ cell }} as date)
            >= cast('{{ var("earliest_date") }}' as date)
            then try_cast({{ cell }} as date)
    end
{%- endmacro %}

{#- Does the whole text match a regular expression (classes, counts)? NULL: NULL. -#}
{% macro matches_whole(cell, pattern) -%}
    {{ return(adapter.dispatch('matches_whole', 'salvage')(cell, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches_whole(cell, pattern) -%}
    regexp_full_match({{ cell }}, '{{ pattern }}')
{%- endmacro %}

{#- A cell without surrounding white space, Unicode's White_Space property. NULL: NULL. -#}
{% macro trimmed_cell(cell) -%}
    {{ return(adapter.dispatch('trimmed_cell', 'salvage')(cell)) }}
{%- endmacro %}

{% macro duckdb__trimmed_cell(cell) -%}
    regexp_replace(
        {{ cell }},
        '^[\x{09}-\x{0D}\x{85}\p{Z}]+|[\x{09}-\x{0D}\x{85}\p{Z}]+$',
        '',
        'g'
    )
{%- endmacro %}

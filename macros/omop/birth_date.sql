{#-
    Day of birth of a person of the CDM; where only the month or the year is known, its first
    day, so that nothing that happened to the person seems to lie before birth.

    birth_date(birth_datetime, year_of_birth, month_of_birth, day_of_birth) -> DATE

    birth_datetime: TIMESTAMP expression, used where given. The others: INTEGER expressions.
    A part that is no part of the calendar counts as not known; no year: NULL.
-#}
{% macro birth_date(birth_datetime, year_of_birth, month_of_birth, day_of_birth) -%}
    {{ return(adapter.dispatch('birth_date', 'salvage')(
        birth_datetime, year_of_birth, month_of_birth, day_of_birth
    )) }}
{%- endmacro %}

{% macro duckdb__birth_date(birth_datetime, year_of_birth, month_of_birth, day_of_birth) -%}
    coalesce(
        cast({{ birth_datetime }} as date),
        try_cast(
            {{ year_of_birth }} || '-' || {{ month_of_birth }} || '-' || {{ day_of_birth }}
            as date
        ),
        try_cast({{ year_of_birth }} || '-' || {{ month_of_birth }} || '-1' as date),
        try_cast({{ year_of_birth }} || '-1-1' as date)
    )
{%- endmacro %}

{#-
    Continuous courses: the eras that exposures (or other periods) join up to (SPEC 2).

    drug_eras(exposures, ingredients) -> query: patient_number, ingredient_number,
    era_start_date, era_end_date, n_exposures, gap_days (the last two INTEGER)

    exposures: name of a relation in scope with patient_number and ingredient_number (integers
    from 0 on), start_date and end_date (DATE, start_date <= end_date; none of them NULL).
    ingredients: name of a relation in scope with ingredient_number, unique, and era_gap_days
    (INTEGER >= 0); exposures to no ingredient of it are in no era.

    An exposure belongs to the running era iff start_date <= the greatest end of all that
    started before it + era_gap_days. Era start = first start, era end = greatest end.
    gap_days: days within the era that no exposure covers; both ends of an exposure are
    covered, so that one begun the day after the last ended leaves no gap
    (docs/decisions/0021).

    Engines: `default__` says it in portable SQL. DuckDB's body gives the same rows
    (tests/test_omop_eras.py) for less than half of the time: it sorts two numbers, and needs no
    window with a partition, hence neither a second sort nor a hash table of all exposures.
    Error there, and no result: a date outside the years 1 to 9999, more than 2^40 pairs of
    patient and ingredient (a thousand million patients with a thousand ingredients), rows that
    the engine hands on unsorted.
-#}
{% macro drug_eras(exposures, ingredients) -%}
    {{ return(adapter.dispatch('drug_eras', 'salvage')(exposures, ingredients)) }}
{%- endmacro %}

{% macro default__drug_eras(exposures, ingredients) -%}
with with_running_end as (
    select
        exposures.patient_number,
        exposures.ingredient_number,
        exposures.start_date,
        exposures.end_date,
        ingredients.era_gap_days,
        max(exposures.end_date) over (
            partition by exposures.patient_number, exposures.ingredient_number
            order by exposures.start_date, exposures.end_date
            rows between unbounded preceding and 1 preceding
        ) as running_max_end_date
    from {{ exposures }} as exposures
    inner join {{ ingredients }} as ingredients
        on exposures.ingredient_number = ingredients.ingredient_number
),

with_first as (
    select
        *,
        {{ salvage.is_new_era('start_date', 'running_max_end_date', 'era_gap_days') }}
            as is_new
    from with_running_end
),

with_number as (
    select
        *,
        sum(case when is_new then 1 else 0 end) over (
            partition by patient_number, ingredient_number
            order by start_date, end_date
            rows between unbounded preceding and current row
        ) as era_number
    from with_first
),

final as (
    select
        patient_number,
        ingredient_number,
        min(start_date) as era_start_date,
        max(end_date) as era_end_date,
        cast(count(*) as integer) as n_exposures,
        cast(
            sum(
                case
                    when is_new then 0
                    else
                        greatest(
                            {{ salvage.days_between(
                                'running_max_end_date', 'start_date'
                            ) }} - 1,
                            0
                        )
                end
            ) as integer
        ) as gap_days
    from with_number
    group by patient_number, ingredient_number, era_number
)

select * from final
{%- endmacro %}

{#-
    One number holds patient, ingredient and day, in this order of weight:

        day_number = (patient_number * n_numbers + ingredient_number) * 2^23 + day

    The days of one patient and ingredient never come near those of the next (a gap included),
    so that all three comparisons of the rule are one comparison of two numbers, and the
    greatest end so far needs no partition. `over ()` runs over the rows as they come, which is
    in the order of `sorted`; that they do is checked row by row.

    gap_end is the last day_number on which a further exposure would still join. The mark, a
    row greater than any other, ends the last era; its ingredient_number is nobody's.
-#}
{% macro duckdb__drug_eras(exposures, ingredients) -%}
{%- set days = 8388608 -%}
{%- set groups = 1099511627776 -%}
with numbers as (
    select max(ingredient_number) + 2 as n_numbers
    from {{ ingredients }}
),

dated as (
    select
        cast(exposures.patient_number as bigint) * numbers.n_numbers
        + exposures.ingredient_number as group_number,
        exposures.start_date - date '0001-01-01' as start_day,
        exposures.end_date - date '0001-01-01' as end_day,
        ingredients.era_gap_days
    from {{ exposures }} as exposures
    inner join {{ ingredients }} as ingredients
        on exposures.ingredient_number = ingredients.ingredient_number
    cross join numbers
),

packed as (
    select
        case
            when group_number >= {{ groups }} - 1 or group_number < 0
                then error('drug_eras: too many patients and ingredients for one number')
            when start_day < 0 or end_day + era_gap_days >= {{ days }}
                then error('drug_eras: a date outside the years 1 to 9999')
            else group_number * {{ days }} + start_day
        end as start_number,
        cast(end_day + era_gap_days as integer) as gap_end_day,
        era_gap_days
    from dated
    union all
    select
        ({{ groups }} // n_numbers * n_numbers - 1) * {{ days }} as start_number,
        0 as gap_end_day,
        0 as era_gap_days
    from numbers
),

sorted as (
    select
        start_number,
        gap_end_day,
        era_gap_days
    from packed
    order by start_number, gap_end_day
),

with_gap_end as (
    select
        start_number,
        era_gap_days,
        row_number() over () as row_place,
        max(start_number // {{ days }} * {{ days }} + gap_end_day) over (
            rows between unbounded preceding and current row
        ) as gap_end
    from sorted
),

with_gap_end_before as (
    select
        start_number,
        era_gap_days,
        row_place,
        lag(gap_end) over () as gap_end_before,
        lag(start_number) over () as start_number_before
    from with_gap_end
),

with_uncovered as (
    select
        start_number,
        row_place,
        gap_end_before,
        start_number_before,
        sum(
            case
                when start_number <= gap_end_before
                    then greatest(start_number - (gap_end_before - era_gap_days) - 1, 0)
                else 0
            end
        ) over (rows between unbounded preceding and current row) as uncovered_days
    from with_gap_end_before
),

firsts as (
    select
        start_number,
        row_place,
        gap_end_before,
        uncovered_days
    from with_uncovered
    where
        case
            when start_number < start_number_before
                then error('drug_eras: the rows came unsorted')
            else coalesce(start_number > gap_end_before, true)
        end
),

-- The first exposure of an era knows how the era before it ended. The very first era has none
-- before it: no ingredient is found for its NULL.
spans as (
    select
        lag(start_number) over () as start_number,
        gap_end_before as gap_end,
        row_place - lag(row_place) over () as n_exposures,
        uncovered_days - lag(uncovered_days) over () as gap_days
    from firsts
),

unpacked as (
    select
        spans.start_number // {{ days }} // numbers.n_numbers as patient_number,
        spans.start_number // {{ days }} % numbers.n_numbers as ingredient_number,
        spans.start_number % {{ days }} as start_day,
        spans.gap_end % {{ days }} as gap_end_day,
        spans.n_exposures,
        spans.gap_days
    from spans
    cross join numbers
),

final as (
    select
        unpacked.patient_number,
        unpacked.ingredient_number,
        date '0001-01-01' + cast(unpacked.start_day as integer) as era_start_date,
        date '0001-01-01'
        + cast(unpacked.gap_end_day - ingredients.era_gap_days as integer)
            as era_end_date,
        cast(unpacked.n_exposures as integer) as n_exposures,
        cast(unpacked.gap_days as integer) as gap_days
    from unpacked
    inner join {{ ingredients }} as ingredients
        on unpacked.ingredient_number = ingredients.ingredient_number
)

select * from final
{%- endmacro %}

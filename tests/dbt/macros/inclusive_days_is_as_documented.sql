{{ config(tags=['development']) }}

with cases (case_name, start_date, end_date, expected) as (
    values
    ('same_day', date '2008-02-28', date '2008-02-28', 1),
    ('next_day', date '2008-02-28', date '2008-02-29', 2),
    ('over_a_leap_day', date '2008-02-28', date '2008-03-01', 3),
    ('end_on_day_before', date '2008-02-28', date '2008-02-27', 0),
    ('no_start', cast(null as date), date '2008-02-28', cast(null as integer)),
    ('no_end', date '2008-02-28', cast(null as date), cast(null as integer))
),

computed as (
    select
        case_name,
        expected,
        {{ inclusive_days('start_date', 'end_date') }} as actual,
        -- The sum stands in brackets: it may be multiplied.
        2 * {{ inclusive_days('start_date', 'end_date') }} as actual_twice
    from cases
)

select *
from computed
where
    actual is distinct from expected
    or actual_twice is distinct from 2 * expected

{{ config(tags=['development']) }}

with cases (case_name, start_date, end_date, expected) as (
    values
    ('same_day', date '2008-02-28', date '2008-02-28', 0),
    ('next_day', date '2008-02-27', date '2008-02-28', 1),
    ('day_before', date '2008-02-28', date '2008-02-27', -1),
    ('over_a_leap_day', date '2008-02-28', date '2008-03-01', 2),
    ('over_no_leap_day', date '2007-02-28', date '2007-03-01', 1),
    ('no_leap_day_in_1900', date '1900-02-28', date '1900-03-01', 1),
    ('leap_day_in_2000', date '2000-02-28', date '2000-03-01', 2),
    ('over_new_year', date '2007-12-31', date '2008-01-01', 1),
    ('leap_year', date '2008-01-01', date '2009-01-01', 366),
    ('clocks_go_forward', date '2008-03-29', date '2008-03-31', 2),
    ('first_to_last_day', date '1850-01-01', date '9999-12-31', 2976725),
    ('no_start', cast(null as date), date '2008-02-28', cast(null as integer)),
    ('no_end', date '2008-02-28', cast(null as date), cast(null as integer)),
    ('no_day', cast(null as date), cast(null as date), cast(null as integer))
),

computed as (
    select
        case_name,
        expected,
        {{ days_between('start_date', 'end_date') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

{{ config(tags=['development']) }}

with cases (case_name, start_date, n_days, expected) as (
    values
    ('no_days', date '2008-02-28', 0, date '2008-02-28'),
    ('one_day', date '2008-02-28', 1, date '2008-02-29'),
    ('over_a_leap_day', date '2008-02-28', 2, date '2008-03-01'),
    ('over_no_leap_day', date '2007-02-28', 1, date '2007-03-01'),
    ('four_weeks', date '2008-02-28', 28, date '2008-03-27'),
    ('day_before', date '2008-03-01', -1, date '2008-02-29'),
    ('over_new_year', date '2007-12-31', 1, date '2008-01-01'),
    ('year_before', date '2009-01-01', -366, date '2008-01-01'),
    ('no_date', cast(null as date), 1, cast(null as date)),
    ('no_number', date '2008-02-28', cast(null as integer), cast(null as date))
),

computed as (
    select
        case_name,
        expected,
        {{ add_days('start_date', 'n_days') }} as actual
    from cases
)

-- A time stamp of the same day would compare as equal: the text tells them apart.
select *
from computed
where cast(actual as varchar) is distinct from cast(expected as varchar)

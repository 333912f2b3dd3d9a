{{ config(tags=['development']) }}

with cases (
    case_name, day, first_day, last_day, expected_until, expected_between
) as (
    values
    ('lone', date '2020-02-28', 0, 0, 1, 1),
    ('later', date '2020-02-27', 1, 3, 4, 3),
    ('later', date '2020-02-28', 0, 1, 3, 2),
    ('later', date '2020-02-29', 2, 1, 4, 0),
    ('later', date '2020-03-01', 1, 1000000, 4, 0),
    ('one_day', date '2020-02-29', 0, 0, 2, 2),
    ('one_day', date '2020-02-29', 1, 5, 2, 0),
    ('last', date '9999-12-31', 0, 1000000, 1, 1),
    ('before_day_0', date '1849-12-31', 1, 1, 2, 1),
    ('before_day_0', date '1850-01-01', 0, 0, 2, 1)
),

numbered as (
    select
        *,
        {{ day_number('day') }} as day_number
    from cases
),

computed as (
    select
        *,
        count(*) {{ over_days('case_name', 'day_number', none, 'last_day') }}
            as actual_until,
        count(*) {{ over_days('case_name', 'day_number', 'first_day', 'last_day') }}
            as actual_between
    from numbered
)

select *
from computed
where
    actual_until is distinct from expected_until
    or actual_between is distinct from expected_between
    or (case_name = 'before_day_0' and day_number > 0)

{{ config(tags=['development']) }}

with cases (case_name, day, n_days, expected_day, expected_days) as (
    values
    ('one', date '2008-02-09', 1, '2008-02-09', '1'),
    ('first_day', date '1850-01-01', 0, '1850-01-01', '0'),
    ('last_day', date '9999-12-31', -1000000, '9999-12-31', '-1000000'),
    ('none', cast(null as date), cast(null as integer), null, null)
),

computed as (
    select
        case_name,
        expected_day,
        expected_days,
        {{ as_text('day') }} as actual_day,
        {{ as_text('n_days') }} as actual_days
    from cases
)

select *
from computed
where
    actual_day is distinct from expected_day
    or actual_days is distinct from expected_days

{{ config(tags=['development']) }}

with cases (case_name, start_date, running_max_end_date, era_gap_days, expected) as (
    values
    ('first_exposure', date '2008-02-28', cast(null as date), 30, true),
    ('overlap', date '2008-02-27', date '2008-02-28', 30, false),
    ('on_last_day_of_gap', date '2008-03-29', date '2008-02-28', 30, false),
    ('day_after_gap', date '2008-03-30', date '2008-02-28', 30, true),
    ('no_gap_same_day', date '2008-02-28', date '2008-02-28', 0, false),
    ('no_gap_next_day', date '2008-02-29', date '2008-02-28', 0, true),
    ('on_last_day_of_70', date '2008-05-08', date '2008-02-28', 70, false),
    ('day_after_70', date '2008-05-09', date '2008-02-28', 70, true)
),

computed as (
    select
        case_name,
        expected,
        {{ is_new_era('start_date', 'running_max_end_date', 'era_gap_days') }}
            as actual
    from cases
)

select *
from computed
where actual is distinct from expected

{{ config(tags=['development']) }}

with cases (case_name, event_date, anchor_date, n_days, expected) as (
    values
    ('day_before_anchor', date '2008-02-27', date '2008-02-28', 2, false),
    ('on_anchor', date '2008-02-28', date '2008-02-28', 2, true),
    ('on_last_day', date '2008-03-01', date '2008-02-28', 2, true),
    ('day_after_last', date '2008-03-02', date '2008-02-28', 2, false),
    ('window_of_a_day', date '2008-02-28', date '2008-02-28', 0, true),
    ('after_window_of_a_day', date '2008-02-29', date '2008-02-28', 0, false),
    ('no_limit', date '9999-12-31', date '2008-02-28', cast(null as integer), true),
    (
        'no_limit_day_before_anchor',
        date '2008-02-27', date '2008-02-28', cast(null as integer), false
    ),
    ('no_event', cast(null as date), date '2008-02-28', 2, cast(null as boolean)),
    ('no_anchor', date '2008-02-28', cast(null as date), 2, cast(null as boolean)),
    (
        'no_event_no_limit',
        cast(null as date), date '2008-02-28', cast(null as integer),
        cast(null as boolean)
    )
),

computed as (
    select
        case_name,
        expected,
        {{ is_within_days_after('event_date', 'anchor_date', 'n_days') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

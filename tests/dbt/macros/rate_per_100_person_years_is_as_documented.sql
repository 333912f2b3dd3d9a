{{ config(tags=['development']) }}
{#- 36525 days are 100 years of 365.25 days. -#}

with cases (case_name, n_events, person_days, expected) as (
    values
    ('no_event', 0, 36525, 0e0),
    ('one_in_100_years', 1, 36525, 1e0),
    ('three_in_50_years', 3, 18262.5, 6e0),
    ('one_in_a_day', 1, 1, 36525e0),
    ('nobody_at_risk', 0, 0, cast(null as double)),
    ('no_count', cast(null as integer), 36525, cast(null as double)),
    ('no_time', 1, cast(null as integer), cast(null as double))
),

computed as (
    select
        case_name,
        expected,
        {{ rate_per_100_person_years('n_events', 'person_days') }} as actual
    from cases
)

select *
from computed
where
    (abs(actual - expected) < 1e-9) is not true
    and (actual is not null or expected is not null)

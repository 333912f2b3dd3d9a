{{ config(tags=['development']) }}

with cases (case_name, n_days, days_per_month, expected) as (
    values
    ('no_days', 0, 30.5e0, 0e0),
    ('a_month', 61, 30.5e0, 2e0),
    ('part_of_a_month', 7, 28e0, 0.25e0),
    ('before', -61, 30.5e0, -2e0),
    ('no_number', cast(null as integer), 30.5e0, cast(null as double)),
    ('no_month', 61, cast(null as double), cast(null as double))
),

computed as (
    select
        case_name,
        expected,
        {{ days_to_months('n_days', 'days_per_month') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

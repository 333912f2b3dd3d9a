{{ config(tags=['development']) }}

with cases (case_name, n_events, n_total, expected) as (
    values
    ('none', 0, 4, 0e0),
    ('a_quarter', 1, 4, 0.25e0),
    ('all', 4, 4, 1e0),
    ('of_nobody', 0, 0, cast(null as double)),
    ('no_count', cast(null as integer), 4, cast(null as double)),
    ('no_total', 1, cast(null as integer), cast(null as double))
),

computed as (
    select
        case_name,
        expected,
        {{ proportion('n_events', 'n_total') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

{{ config(tags=['development']) }}
{#- Per cent, to the digit printed: the vectors of SPEC 6, and the ends by hand. -#}

with cases (n_events, n_total, expected_low, expected_high) as (
    values
    (4, 10, 12.2, 73.8),
    (3, 9, 7.5, 70.1),
    (3, 19, 3.4, 39.6),
    (0, 1, 0.0, 97.5),
    (1, 1, 2.5, 100.0),
    (0, 2, 0.0, 84.2)
),

given as (
    select
        n_events,
        n_total
    from cases
    union all
    select
        4 as n_events,
        10 as n_total
    union all
    select
        0 as n_events,
        0 as n_total
    union all
    select
        null as n_events,
        3 as n_total
),

computed as (
    {{ clopper_pearson_intervals('given', 'n_events', 'n_total') }}
)

select *
from cases
full outer join computed
    on
        cases.n_events = computed.n_events
        and cases.n_total = computed.n_total
where
    cases.n_total is null
    or computed.n_total is null
    or abs(100 * computed.exact_low - cases.expected_low) > 0.05
    or abs(100 * computed.exact_high - cases.expected_high) > 0.05
    or (cases.n_events = 0 and computed.exact_low <> 0)
    or (cases.n_events = cases.n_total and computed.exact_high <> 1)

{{ config(tags=['development']) }}
{#-
    To the digits that tables of the exact interval print: none gives 0 to -ln(0.025) = 3.689,
    one 0.025 (-ln(0.975) = 0.0253) to 5.572, ten 4.795 to 18.390 (SciPy's gamma quantiles).
-#}

with cases (n_events, expected_low, expected_high) as (
    values
    (0, 0.0000, 3.6889),
    (1, 0.0253, 5.5716),
    (10, 4.7954, 18.3904)
),

given as (
    select n_events
    from cases
    union all
    select 10 as n_events
    union all
    select null as n_events
),

computed as (
    {{ poisson_intervals('given', 'n_events') }}
)

select *
from cases
full outer join computed
    on cases.n_events = computed.n_events
where
    cases.n_events is null
    or computed.n_events is null
    or abs(computed.events_low - cases.expected_low) > 0.00005
    or abs(computed.events_high - cases.expected_high) > 0.00005
    or (cases.n_events = 0 and computed.events_low <> 0)

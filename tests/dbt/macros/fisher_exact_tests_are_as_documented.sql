{{ config(tags=['development']) }}
{#-
    Worked out by hand: the lady who tastes tea, 3 of 4 against 1 of 4, has 34 of 70 tables at
    most as probable; 4 of 4 against 0 of 4 has 2 of 70. Nothing on both sides is p = 1.
-#}

with cases (
    n_events, n_total, other_n_events, other_n_total, expected_p_value
) as (
    values
    (3, 4, 1, 4, 34e0 / 70),
    (4, 4, 0, 4, 2e0 / 70),
    (0, 4, 0, 7, 1e0),
    (4, 4, 7, 7, 1e0)
),

given as (
    select
        n_events,
        n_total,
        other_n_events,
        other_n_total
    from cases
    union all
    select
        0 as n_events,
        0 as n_total,
        1 as other_n_events,
        2 as other_n_total
    union all
    select
        null as n_events,
        4 as n_total,
        1 as other_n_events,
        2 as other_n_total
),

computed as (
    {{ fisher_exact_tests(
        'given', 'n_events', 'n_total', 'other_n_events', 'other_n_total'
    ) }}
)

select *
from cases
full outer join computed
    on
        cases.n_events = computed.n_events
        and cases.n_total = computed.n_total
        and cases.other_n_events = computed.other_n_events
        and cases.other_n_total = computed.other_n_total
where
    cases.n_total is null
    or computed.n_total is null
    or abs(computed.p_value - cases.expected_p_value) > 1e-9

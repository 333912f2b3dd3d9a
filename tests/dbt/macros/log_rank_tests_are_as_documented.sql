{{ config(tags=['development']) }}
{#-
    Worked out by hand: A has events on days 1 and 3, B on days 2 and 4. Expected of A are
    1/2 + 1/3 + 1/2, the variance is 1/4 + 2/9 + 1/4. Where all are censored, or the events come after
    the other arm has left, there is nothing to compare.
-#}

with subjects (study, arm, days, is_event) as (
    values
    ('turns', 'A', 1, true),
    ('turns', 'A', 3, true),
    ('turns', 'B', 2, true),
    ('turns', 'B', 4, true),
    ('censored', 'A', 1, false),
    ('censored', 'B', 1, false),
    ('apart', 'A', 1, false),
    ('apart', 'B', 2, true),
    ('alone', 'A', 1, true)
),

cases (study, expected_events, chi_square) as (
    values
    (
        'turns',
        1e0 / 2 + 1e0 / 3 + 1e0 / 2,
        power(2 - (1e0 / 2 + 1e0 / 3 + 1e0 / 2), 2) / (1e0 / 4 + 2e0 / 9 + 1e0 / 4)
    ),
    ('censored', 0e0, null),
    ('apart', 0e0, null)
),

computed as (
    {{ log_rank_tests('subjects', ['study'], 'arm', 'days', 'is_event') }}
)

select *
from cases
full outer join computed
    on cases.study = computed.study
where
    cases.study is null
    or computed.study is null
    or computed.arm <> 'A'
    or computed.other_arm <> 'B'
    or abs(cases.expected_events - computed.n_events_expected) > 1e-12
    or (cases.chi_square is null) <> (computed.chi_square is null)
    or (cases.chi_square is null) <> (computed.p_value is null)
    or abs(cases.chi_square - computed.chi_square) > 1e-12

{{ config(tags=['development']) }}
{#-
    Worked out by hand: of four, one has the event on day 1, one is censored on day 2, and one each
    has it on days 3 and 4. Greenwood's sum is 1/12 after day 1 and 7/12 after day 3. Nobody is left
    after day 4; one patient alone has no interval; who has a NULL is left out.
-#}

with subjects (study, days, is_event) as (
    values
    ('four', 1, true),
    ('four', 2, false),
    ('four', 3, true),
    ('four', 4, true),
    ('alone', 5, true),
    ('unknown', cast(null as integer), true),
    ('unknown', 5, cast(null as boolean))
),

cases (
    study, days, n_at_risk, n_events, n_censored, survival, std_error, reason
) as (
    values
    ('four', 0, 4, 0, 0, 1e0, 0e0, 'no_events'),
    ('four', 1, 4, 1, 0, 0.75e0, 0.75e0 * sqrt(1e0 / 12), ''),
    ('four', 2, 3, 0, 1, 0.75e0, 0.75e0 * sqrt(1e0 / 12), ''),
    ('four', 3, 2, 1, 0, 0.375e0, 0.375e0 * sqrt(7e0 / 12), ''),
    ('four', 4, 1, 1, 0, 0e0, -1e0, 'no_survivors'),
    ('alone', 0, 1, 0, 0, 1e0, 0e0, 'one_patient'),
    ('alone', 5, 1, 1, 0, 0e0, -1e0, 'one_patient')
),

computed as (
    {{ kaplan_meier('subjects', ['study'], 'days', 'is_event') }}
)

select *
from cases
full outer join computed
    on
        cases.study = computed.study
        and cases.days = computed.days
where
    cases.study is null
    or computed.study is null
    or cases.n_at_risk <> computed.n_at_risk
    or cases.n_events <> computed.n_events
    or cases.n_censored <> computed.n_censored
    or abs(cases.survival - computed.survival) > 1e-12
    or abs(cases.std_error - coalesce(computed.std_error, -1)) > 1e-12
    or cases.reason <> coalesce(computed.interval_missing_reason, '')
    or (cases.reason = '') <> coalesce(
        computed.ci_low < computed.survival and computed.ci_high > computed.survival,
        false
    )

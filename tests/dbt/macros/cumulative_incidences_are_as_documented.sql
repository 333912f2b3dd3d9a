{{ config(tags=['development']) }}
{#-
    Worked out by hand: of four, one relapses on day 1, one dies on day 2, one is censored on day 3
    and one relapses on day 4. Before day 4 half are without an event, and one of one relapses then.
-#}

with subjects (study, days, cause) as (
    values
    ('four', 1, 'relapse'),
    ('four', 2, 'death'),
    ('four', 3, null),
    ('four', 4, 'relapse'),
    ('four', cast(null as integer), 'relapse')
),

cases (cause, days, n_at_risk, n_events, incidence) as (
    values
    ('relapse', 0, 4, 0, 0e0),
    ('relapse', 1, 4, 1, 0.25e0),
    ('relapse', 2, 3, 0, 0.25e0),
    ('relapse', 3, 2, 0, 0.25e0),
    ('relapse', 4, 1, 1, 0.75e0),
    ('death', 0, 4, 0, 0e0),
    ('death', 1, 4, 0, 0e0),
    ('death', 2, 3, 1, 0.25e0),
    ('death', 3, 2, 0, 0.25e0),
    ('death', 4, 1, 0, 0.25e0)
),

computed as (
    {{ cumulative_incidences(
        'subjects', ['study'], 'days', 'cause', ['relapse', 'death']
    ) }}
)

select *
from cases
full outer join computed
    on
        cases.cause = computed.cause
        and cases.days = computed.days
where
    cases.cause is null
    or computed.cause is null
    or cases.n_at_risk <> computed.n_at_risk
    or cases.n_events <> computed.n_events
    or abs(cases.incidence - computed.incidence) > 1e-12
    or (computed.interval_missing_reason = 'no_events') is distinct from (
        case when cases.incidence = 0 then true end
    )

{{ config(tags=['development']) }}
{#-
    Below the curve 1, 3/4 (days 1 to 3), 3/8 (day 3 on): 2 days of the first 2 make 1 + 3/4, and 4
    make 1 + 2 * 3/4 + 3/8. The variance at day 2 is (3/4) squared / 12. The last observation of
    `short` is a censoring on day 3: day 4 is beyond it. Nobody of `four` is left after day 4, so that
    day 9 adds nothing.
-#}

with subjects (study, days, is_event) as (
    values
    ('four', 1, true),
    ('four', 2, false),
    ('four', 3, true),
    ('four', 4, true),
    ('short', 1, true),
    ('short', 3, false)
),

cases (study, days_asked, n_at_risk, survival, mean_days, error_days, is_beyond) as (
    values
    ('four', 2, 3, 0.75e0, 1.75e0, 0.75e0 / sqrt(12e0), false),
    ('four', 4, 1, 0e0, 2.875e0, null, false),
    ('four', 9, 0, 0e0, 2.875e0, null, false),
    ('short', 2, 1, 0.5e0, 1.5e0, 0.5e0 * sqrt(0.5e0), false),
    ('short', 4, 0, null, null, null, true),
    ('short', 9, 0, null, null, null, true)
),

curves as (
    {{ kaplan_meier('subjects', ['study'], 'days', 'is_event') }}
),

asked as (
    select
        study,
        days_asked
    from cases
),

computed as (
    {{ restricted_means('curves', ['study'], 'days', 'asked', 'days_asked') }}
)

select *
from cases
full outer join computed
    on
        cases.study = computed.study
        and cases.days_asked = computed.days_asked
where
    cases.study is null
    or computed.study is null
    or cases.n_at_risk <> computed.n_at_risk
    or cases.is_beyond <> computed.is_beyond_follow_up
    or coalesce(abs(cases.survival - computed.survival) > 1e-12, not cases.is_beyond)
    or coalesce(
        abs(cases.mean_days - computed.restricted_mean) > 1e-12, not cases.is_beyond
    )
    or abs(cases.error_days - computed.restricted_mean_std_error) > 1e-12
    or (computed.restricted_mean is null) <> cases.is_beyond
    or (computed.restricted_mean_std_error is null) <> cases.is_beyond

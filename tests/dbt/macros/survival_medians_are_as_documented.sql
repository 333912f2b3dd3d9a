{{ config(tags=['development']) }}
{#-
    Of four, survival falls to 3/8 on day 3. Of two, it is exactly one half from day 2 to day 6,
    whose middle R prints. Of three, two are censored: it never falls to one half.
-#}

with subjects (study, days, is_event) as (
    values
    ('four', 1, true),
    ('four', 2, false),
    ('four', 3, true),
    ('four', 4, true),
    ('two', 2, true),
    ('two', 6, true),
    ('three', 2, true),
    ('three', 3, false),
    ('three', 4, false)
),

cases (study, median, median_midpoint) as (
    values
    ('four', 3, 3e0),
    ('two', 2, 4e0),
    ('three', null, null)
),

curves as (
    {{ kaplan_meier('subjects', ['study'], 'days', 'is_event') }}
),

computed as (
    {{ survival_medians('curves', ['study'], 'days') }}
)

select *
from cases
full outer join computed
    on cases.study = computed.study
where
    cases.study is null
    or computed.study is null
    or cases.median is distinct from computed.median
    or cases.median_midpoint is distinct from computed.median_midpoint
    or computed.median_low > computed.median
    or computed.median_high < computed.median

{{ config(tags=['development']) }}

with cases (case_name, n_days, expected) as (
    values
    ('none', 0, '0 days'),
    ('one', 1, '1 day'),
    ('two', 2, '2 days'),
    ('eleven', 11, '11 days'),
    ('not_known', cast(null as integer), null)
),

computed as (
    select
        case_name,
        expected,
        {{ days_in_words('n_days') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

{{ config(tags=['development']) }}
{#-
    Per cent, to the digit printed: 4/10, 3/9 and 3/19 are the vectors of SPEC 6; 81/263 and
    15/148 are examples 1 and 2 of Newcombe RG, Stat Med 1998;17:857-72 (method 3), with his
    0/20 and 1/29.
-#}

with cases (
    case_name, n_events, n_total, expected_low, expected_high, printed_decimals
) as (
    values
    ('four_of_ten', 4, 10, 16.8, 68.7, 1),
    ('three_of_nine', 3, 9, 12.1, 64.6, 1),
    ('three_of_nineteen', 3, 19, 5.5, 37.6, 1),
    ('newcombe_81_of_263', 81, 263, 25.53, 36.62, 2),
    ('newcombe_15_of_148', 15, 148, 6.24, 16.05, 2),
    ('newcombe_0_of_20', 0, 20, 0.00, 16.11, 2),
    ('newcombe_1_of_29', 1, 29, 0.61, 17.18, 2),
    ('all_of_twenty', 20, 20, 83.89, 100.00, 2),
    ('none_of_one', 0, 1, 0.00, 79.35, 2),
    ('of_nobody', 0, 0, null, null, 1),
    ('no_count', cast(null as integer), 10, null, null, 1),
    ('no_total', 4, cast(null as integer), null, null, 1)
),

computed as (
    select
        case_name,
        n_events,
        n_total,
        expected_low,
        expected_high,
        {{ wilson_low('n_events', 'n_total') }} as actual_low,
        {{ wilson_high('n_events', 'n_total') }} as actual_high,
        0.5e0 / power(10, printed_decimals) as tolerance
    from cases
)

select *
from computed
where
    (actual_low is null) <> (expected_low is null)
    or (actual_high is null) <> (expected_high is null)
    or abs(100 * actual_low - expected_low) > tolerance + 1e-9
    or abs(100 * actual_high - expected_high) > tolerance + 1e-9
    -- At the ends the interval is exact, not merely near.
    or (n_events = 0 and actual_low <> 0)
    or (n_events = n_total and actual_high <> 1)

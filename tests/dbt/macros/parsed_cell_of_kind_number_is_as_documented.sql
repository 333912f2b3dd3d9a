{{ config(tags=['development']) }}

with cases (case_name, cell, expected, expected_positive) as (
    values
    ('whole', '300', 300e0, 300e0),
    ('decimal', '2.5', 2.5e0, 2.5e0),
    ('point_first', '.5', 0.5e0, 0.5e0),
    ('point_last', '5.', 5e0, 5e0),
    ('zeros_first', '005', 5e0, 5e0),
    ('plus', '+5', 5e0, 5e0),
    ('exponent', '1e3', 1000e0, 1000e0),
    ('capital_exponent', '2.5E+1', 25e0, 25e0),
    ('negative_exponent', '25e-1', 2.5e0, 2.5e0),
    ('great', '1.5e308', 1.5e308, 1.5e308),
    ('zero', '0', 0e0, cast(null as double)),
    ('zero_with_decimals', '0.00', 0e0, cast(null as double)),
    ('too_small_to_be_told_from_zero', '1e-400', 0e0, cast(null as double)),
    ('smallest_above_zero', '4.9e-324', 4.9e-324, 4.9e-324),
    ('negative', '-5', -5e0, cast(null as double)),
    ('too_great', '1e400', cast(null as double), cast(null as double)),
    ('too_far_below', '-1e400', cast(null as double), cast(null as double)),
    ('decimal_comma', '0,5', cast(null as double), cast(null as double)),
    ('thousands_comma', '1,200', cast(null as double), cast(null as double)),
    ('underscore', '1_000', cast(null as double), cast(null as double)),
    ('space_inside', '1 000', cast(null as double), cast(null as double)),
    ('with_unit', '300 mg', cast(null as double), cast(null as double)),
    ('not_a_number', 'NaN', cast(null as double), cast(null as double)),
    ('infinity', 'inf', cast(null as double), cast(null as double)),
    ('hexadecimal', '0x10', cast(null as double), cast(null as double)),
    ('two_points', '1.2.3', cast(null as double), cast(null as double)),
    ('two_signs', '--5', cast(null as double), cast(null as double)),
    ('point_only', '.', cast(null as double), cast(null as double)),
    ('sign_only', '+', cast(null as double), cast(null as double)),
    ('exponent_only', 'e5', cast(null as double), cast(null as double)),
    ('exponent_cut_off', '1e', cast(null as double), cast(null as double)),
    ('fraction', '1/2', cast(null as double), cast(null as double)),
    ('per_cent', '5%', cast(null as double), cast(null as double)),
    ('less_than', '<5', cast(null as double), cast(null as double)),
    ('arabic_digit', '٣', cast(null as double), cast(null as double)),
    ('no_cell', cast(null as varchar), cast(null as double), cast(null as double))
),

computed as (
    select
        case_name,
        expected,
        expected_positive,
        {{ parsed_cell('cell', 'number') }} as actual,
        {{ parsed_cell('cell', 'positive_number') }} as actual_positive
    from cases
)

select *
from computed
where
    actual is distinct from expected
    or actual_positive is distinct from expected_positive

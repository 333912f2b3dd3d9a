{{ config(tags=['development']) }}
{#- Kinds count (>= 0), days (0 to max_days) and grade (1 to 5). -#}

with cases (case_name, cell, expected_count, expected_days, expected_grade) as (
    values
    (
        'minus_one', '-1', cast(null as integer), cast(null as integer),
        cast(null as integer)
    ),
    ('zero', '0', 0, 0, cast(null as integer)),
    ('minus_zero', '-0', 0, 0, cast(null as integer)),
    ('one', '1', 1, 1, 1),
    ('two', '2', 2, 2, 2),
    ('three', '3', 3, 3, 3),
    ('four', '4', 4, 4, 4),
    ('five', '5', 5, 5, 5),
    ('six', '6', 6, 6, cast(null as integer)),
    ('written_with_a_point', '2.0', 2, 2, 2),
    ('written_with_an_exponent', '2e0', 2, 2, 2),
    (
        'between_two_grades', '2.5', cast(null as integer), cast(null as integer),
        cast(null as integer)
    ),
    (
        'between_zero_and_one', '0.5', cast(null as integer), cast(null as integer),
        cast(null as integer)
    ),
    (
        'below_zero', '-0.5', cast(null as integer), cast(null as integer),
        cast(null as integer)
    ),
    (
        'greatest', '2147483647', 2147483647, cast(null as integer),
        cast(null as integer)
    ),
    ('longest_window', '1000000', 1000000, 1000000, cast(null as integer)),
    (
        'longer_than_that', '1000001', 1000001, cast(null as integer),
        cast(null as integer)
    ),
    (
        'too_great', '2147483648', cast(null as integer), cast(null as integer),
        cast(null as integer)
    ),
    (
        'roman', 'IV', cast(null as integer), cast(null as integer),
        cast(null as integer)
    ),
    (
        'in_words', 'grade 3', cast(null as integer), cast(null as integer),
        cast(null as integer)
    ),
    (
        'no_cell', cast(null as varchar), cast(null as integer), cast(null as integer),
        cast(null as integer)
    )
),

computed as (
    select
        case_name,
        expected_count,
        expected_days,
        expected_grade,
        {{ parsed_cell('cell', 'count') }} as actual_count,
        {{ parsed_cell('cell', 'days') }} as actual_days,
        {{ parsed_cell('cell', 'grade') }} as actual_grade
    from cases
)

select *
from computed
where
    actual_count is distinct from expected_count
    or actual_days is distinct from expected_days
    or actual_grade is distinct from expected_grade

{{ config(tags=['development']) }}

with cases (case_name, cell, expected) as (
    values
    ('letters_and_digits', 'P001', 'P001'),
    ('one_character', '7', '7'),
    ('case_is_kept', 'aB', 'aB'),
    ('marks_inside', 'a_b.c:d-e', 'a_b.c:d-e'),
    ('ends_with_a_mark', 'P1-', 'P1-'),
    ('longest', repeat('x', 64), repeat('x', 64)),
    ('too_long', repeat('x', 65), cast(null as varchar)),
    ('begins_with_a_mark', '_P1', cast(null as varchar)),
    ('space_inside', 'P 1', cast(null as varchar)),
    ('slash', 'P/1', cast(null as varchar)),
    ('accent', 'Pé1', cast(null as varchar)),
    ('full_width_digit', 'P１', cast(null as varchar)),
    ('line_break', 'P' || chr(10) || '1', cast(null as varchar)),
    ('no_cell', cast(null as varchar), cast(null as varchar))
),

computed as (
    select
        case_name,
        expected,
        {{ parsed_cell('cell', 'id') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

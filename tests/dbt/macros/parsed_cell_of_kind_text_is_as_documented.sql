{{ config(tags=['development']) }}

with cases (case_name, cell, expected) as (
    values
    ('as_written', 'Crohn''s  Disease', 'Crohn''s  Disease'),
    ('looks_like_null', 'NULL', 'NULL'),
    ('looks_like_a_number', '007', '007'),
    ('no_cell', cast(null as varchar), cast(null as varchar))
),

computed as (
    select
        case_name,
        expected,
        {{ parsed_cell('cell', 'text') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

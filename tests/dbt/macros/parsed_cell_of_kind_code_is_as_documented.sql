{{ config(tags=['development']) }}

with cases (case_name, cell, expected) as (
    values
    ('as_listed', 'remission', 'remission'),
    ('capitals', 'REMISSION', 'remission'),
    ('mixed_case', 'Remission', 'remission'),
    ('listed_as_a_capital', 'u', 'U'),
    ('with_underscore', 'Adverse_Event', 'adverse_event'),
    ('other_separator', 'adverse event', cast(null as varchar)),
    ('other_code', 'relapse', cast(null as varchar)),
    ('part_of_a_code', 'remiss', cast(null as varchar)),
    ('more_than_a_code', 'remissions', cast(null as varchar)),
    ('dotted_capital_i', 'REM' || chr(304) || 'SSION', cast(null as varchar)),
    ('kelvin_sign', 'un' || chr(8490) || 'nown', cast(null as varchar)),
    ('full_width', 'Ｕ', cast(null as varchar)),
    ('no_cell', cast(null as varchar), cast(null as varchar))
),

computed as (
    select
        case_name,
        expected,
        {{ parsed_cell(
            'cell', 'code', ['remission', 'adverse_event', 'unknown', 'U']
        ) }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

{{ config(tags=['development']) }}
{#- Kind flag is read alike: that an empty one is false is said by typed_cells. -#}

with cases (cell, expected) as (
    values
    ('true', true),
    ('TRUE', true),
    ('True', true),
    ('t', true),
    ('T', true),
    ('yes', true),
    ('Yes', true),
    ('y', true),
    ('Y', true),
    ('1', true),
    ('false', false),
    ('False', false),
    ('f', false),
    ('F', false),
    ('no', false),
    ('NO', false),
    ('n', false),
    ('N', false),
    ('0', false),
    ('on', cast(null as boolean)),
    ('off', cast(null as boolean)),
    ('2', cast(null as boolean)),
    ('-1', cast(null as boolean)),
    ('01', cast(null as boolean)),
    ('1.0', cast(null as boolean)),
    ('ja', cast(null as boolean)),
    ('ye', cast(null as boolean)),
    ('tr', cast(null as boolean)),
    ('NA', cast(null as boolean)),
    ('null', cast(null as boolean)),
    ('１', cast(null as boolean)),
    (cast(null as varchar), cast(null as boolean))
),

computed as (
    select
        cell,
        expected,
        {{ parsed_cell('cell', 'boolean') }} as actual,
        {{ parsed_cell('cell', 'flag') }} as actual_flag
    from cases
)

select *
from computed
where
    actual is distinct from expected
    or actual_flag is distinct from expected

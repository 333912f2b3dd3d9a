{{ config(tags=['development']) }}

with cases (
    case_name, members, part, member, expected_text, expected_part, expected_member
) as (
    values
    ('several', ['a', 'b'], ['b', 'a'], 'b', 'a + b', true, true),
    ('one', ['a'], ['a'], 'a', 'a', true, true),
    ('more', ['a'], ['a', 'b'], 'b', 'a', false, false),
    ('none', ['a'], cast(null as varchar []), cast(null as varchar), 'a', null, null),
    ('of_none', cast(null as varchar []), ['a'], 'a', null, null, null)
),

computed as (
    select
        *,
        {{ list_as_text('members', ' + ') }} as actual_text,
        {{ is_part_of_list('part', 'members') }} as actual_part,
        {{ is_in_list('member', 'members') }} as actual_member
    from cases
)

select *
from computed
where
    actual_text is distinct from expected_text
    or actual_part is distinct from expected_part
    or actual_member is distinct from expected_member

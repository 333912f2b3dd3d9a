{{ config(tags=['development']) }}

with cases (case_name, place, member) as (
    values
    ('three', 10, 'a'),
    ('three', 9, 'c'),
    ('three', 2, 'b'),
    ('one', 1, 'a'),
    ('twice', 2, 'a'),
    ('twice', 1, 'a')
),

expected (case_name, by_place, by_member) as (
    values
    ('three', '[b, c, a]', '[a, b, c]'),
    ('one', '[a]', '[a]'),
    ('twice', '[a, a]', '[a, a]')
),

computed as (
    select
        case_name,
        {{ as_text(sorted_list('member', 'place')) }} as by_place,
        {{ as_text(sorted_list('member')) }} as by_member
    from cases
    group by case_name
)

select *
from expected
left join computed
    on expected.case_name = computed.case_name
where
    expected.by_place is distinct from computed.by_place
    or expected.by_member is distinct from computed.by_member

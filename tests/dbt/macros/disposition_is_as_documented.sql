{{ config(tags=['development']) }}

with cases (case_name, reason, copy_number, expected) as (
    values
    ('good', cast(null as varchar), 1, 'accepted'),
    ('first_copy_of_a_good_one', cast(null as varchar), 2, 'collapsed'),
    ('second_copy_of_a_good_one', cast(null as varchar), 3, 'collapsed'),
    ('bad', 'bad_date', 1, 'quarantined'),
    ('copy_of_a_bad_one', 'bad_date', 2, 'quarantined')
),

computed as (
    select
        case_name,
        expected,
        {{ disposition('reason', 'copy_number') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

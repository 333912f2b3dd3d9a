{{ config(tags=['development']) }}
{#-
    A patient born on 2 January 1970 who died on 1 March 2008, last seen on 1 February
    (observation ends there); what differs is the event.
-#}

with cases (
    case_name, is_key_contradicted, accepted_patient_id, start_date, end_date,
    expected, expected_column
) as (
    values
    ('within', false, 'P1', date '2008-01-01', date '2008-01-01', null, null),
    ('on_day_of_birth', false, 'P1', date '1970-01-02', null, null, null),
    (
        'day_before_birth', false, 'P1', date '1970-01-01', null,
        'before_birth', 'start_date'
    ),
    ('on_last_day_of_observation', false, 'P1', date '2008-02-01', null, null, null),
    (
        'day_after_observation', false, 'P1', date '2008-02-02', null,
        'after_cutoff', 'start_date'
    ),
    (
        'on_day_of_death', false, 'P1', date '2008-03-01', null,
        'after_cutoff', 'start_date'
    ),
    (
        'day_after_death', false, 'P1', date '2008-03-02', null,
        'after_death', 'start_date'
    ),
    (
        'ends_day_before_start', false, 'P1', date '2008-01-02', date '2008-01-01',
        'end_before_start', 'end_date'
    ),
    (
        'ends_before_start_before_birth', false, 'P1', date '1970-01-01',
        date '1969-12-31', 'end_before_start', 'end_date'
    ),
    (
        'ends_before_start_after_death', false, 'P1', date '2008-03-02',
        date '2008-03-01', 'end_before_start', 'end_date'
    ),
    (
        'orphan', false, null, date '2008-01-02', date '2008-01-01',
        'orphan_patient', 'patient_id'
    ),
    (
        'contradicted_orphan', true, null, date '2008-01-02', date '2008-01-01',
        'duplicate_key', 'event_id'
    ),
    (
        'contradicted', true, 'P1', date '2008-01-01', null,
        'duplicate_key', 'event_id'
    ),
    ('without_dates', false, 'P1', null, null, null, null),
    ('without_start', false, 'P1', null, date '1969-12-31', null, null)
),

patients as (
    select
        *,
        date '1970-01-02' as birth_date,
        date '2008-03-01' as death_date,
        date '2008-02-01' as observation_end_date
    from cases
),

computed as (
    select
        case_name,
        expected,
        expected_column,
        {{ event_reason('start_date', 'end_date') }} as actual,
        {{ event_reason('start_date') }} as actual_without_end
    from patients
),

named as (
    select
        *,
        {{ event_reason_column('actual', 'event_id', 'start_date', 'end_date') }}
            as actual_column,
        {{ event_reason_column('actual', 'event_id', 'start_date') }}
            as actual_column_without_end
    from computed
)

-- A table without an end has the same reasons, but for that one.
select *
from named
where
    actual is distinct from expected
    or actual_column is distinct from expected_column
    or (
        expected is distinct from 'end_before_start'
        and (
            actual_without_end is distinct from expected
            or actual_column_without_end is distinct from expected_column
        )
    )
    or actual_without_end = 'end_before_start'
    or actual_column_without_end = 'end_date'

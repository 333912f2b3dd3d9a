{{ config(tags=['development']) }}
{#-
    Records of `patients` with one or several faults: steps 1 to 4 of SPEC 1 in their order,
    and of several columns the first in the table's order.
-#}

with cases (
    line_number, has_wrong_field_count, patient_id, birth_date, sex, diagnosis,
    steroid_refractory, last_follow_up_date, expected, expected_column
) as (
    values
    (1, false, 'P1', '1970-01-01', 'F', '', 'yes', '2008-01-01', null, null),
    -- Step 1 comes before everything else,
    (2, true, '', 'x', 'x', '', 'x', '', 'wrong_field_count', null),
    -- step 2 before an empty required cell and one that is not of its kind,
    (
        3, false, '', 'x', repeat('x', 10001), '', 'x', '',
        'field_too_long', 'sex'
    ),
    (
        4, false, 'P1', 'x', 'x', '', repeat('x', 10001), repeat('x', 10001),
        'field_too_long', 'steroid_refractory'
    ),
    -- step 3 before one that is not of its kind, though that stands first,
    (5, false, '?', 'x', 'x', '', 'x', '', 'missing_required', 'last_follow_up_date'),
    (6, false, '', 'x', 'x', '', 'x', '', 'missing_required', 'patient_id'),
    -- and step 4 names the first column in the table's order.
    (7, false, '?', 'x', 'x', '', 'x', 'x', 'bad_id', 'patient_id'),
    (8, false, 'P1', 'x', 'x', '', 'x', 'x', 'bad_date', 'birth_date'),
    (9, false, 'P1', '', 'x', '', 'x', 'x', 'bad_code', 'sex'),
    (10, false, 'P1', '', '', '', 'x', 'x', 'bad_boolean', 'steroid_refractory'),
    (11, false, 'P1', '', '', '', '', 'x', 'bad_date', 'last_follow_up_date'),
    -- A cell is measured in characters and as it stands: trimming does not save it.
    (12, false, 'P1', '', '', repeat('é', 10000), '', '2008-01-01', null, null),
    (
        13, false, 'P1', '', '', repeat('é', 10000) || ' ', '', '2008-01-01',
        'field_too_long', 'diagnosis'
    ),
    (
        14, false, 'P1', '', '', repeat(' ', 10001), '', '2008-01-01',
        'field_too_long', 'diagnosis'
    ),
    -- White space alone is an empty cell; nothing else is.
    (
        15, false, chr(160), '', '', '', '', '2008-01-01',
        'missing_required', 'patient_id'
    ),
    (
        16, false, 'P1', chr(12288), ' ', chr(160), chr(9), '2008-01-01',
        null, null
    ),
    (17, false, 'NA', 'NULL', '', '', '', '2008-01-01', 'bad_date', 'birth_date'),
    (18, false, 'P1', '-99', '', '', '', '2008-01-01', 'bad_date', 'birth_date')
),

records as (
    select
        line_number,
        has_wrong_field_count,
        patient_id,
        birth_date,
        sex,
        diagnosis,
        '' as diagnosis_date,
        steroid_refractory,
        last_follow_up_date,
        '' as death_date
    from cases
),

typed as (
    {{ typed_cells('records', 'clinic', 'patients') }}
)

select
    cases.line_number,
    cases.expected,
    typed.reason as actual,
    cases.expected_column,
    typed.column_name as actual_column
from cases
left join typed
    on cases.line_number = typed.line_number
where
    typed.line_number is null
    or typed.reason is distinct from cases.expected
    or typed.column_name is distinct from cases.expected_column

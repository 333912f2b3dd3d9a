{{ config(tags=['development']) }}
{#-
    Records of `adverse_events` and `drug_exposures`: trimmed, typed, empty cells NULL,
    empty flags false.
-#}

with event_records (
    line_number, has_wrong_field_count, adverse_event_id, patient_id, event_term,
    onset_date, resolution_date, severity_grade, is_fatal, is_life_threatening,
    is_hospitalization, is_disability, is_medically_important, outcome
) as (
    values
    (
        2, false, ' AE1 ', 'P1', chr(12288) || 'Sepsis,  severe' || chr(160),
        ' 2008-02-29 ', '2008-03-01', '4.0', 'YES', 'f', '1', 'n', 'True', ' '
    ),
    (3, false, 'AE2', 'P1', 'fever', '', '', '', '', '', '', '', '', ''),
    -- Of its kind or NULL, cell by cell.
    (
        4, false, 'AE 3', 'P1', 'fever', '2008-02-30', '2008-03-01', '6', 'maybe', 'y',
        '', '0', 'no', 'recovered'
    )
),

expected_events (
    line_number, adverse_event_id, patient_id, event_term, onset_date,
    resolution_date, severity_grade, is_fatal, is_life_threatening,
    is_hospitalization, is_disability, is_medically_important, outcome
) as (
    values
    (
        2, 'AE1', 'P1', 'Sepsis,  severe', date '2008-02-29', date '2008-03-01', 4,
        true, false, true, false, true, null
    ),
    (
        3, 'AE2', 'P1', 'fever', null, null, null,
        false, false, false, false, false, null
    ),
    (
        4, null, 'P1', 'fever', null, date '2008-03-01', null,
        false, true, false, false, false, 'recovered'
    )
),

typed_events as (
    {{ typed_cells('event_records', 'clinic', 'adverse_events') }}
),

actual_events as (
    select
        line_number,
        adverse_event_id,
        patient_id,
        event_term,
        onset_date,
        resolution_date,
        severity_grade,
        is_fatal,
        is_life_threatening,
        is_hospitalization,
        is_disability,
        is_medically_important,
        outcome
    from typed_events
),

exposure_records (
    line_number, has_wrong_field_count, exposure_id, patient_id, drug_name, route,
    dose, dose_unit, start_date, end_date, stop_reason
) as (
    values
    (
        2, false, 'DX:1', 'P.1', 'Neoral', 'oral', ' +2.5E2 ', 'mg', '2008-01-01', '',
        'Adverse_Event'
    )
),

typed_exposures as (
    {{ typed_cells('exposure_records', 'clinic', 'drug_exposures') }}
),

exposure_differences as (
    select line_number
    from typed_exposures
    where (
        exposure_id = 'DX:1'
        and patient_id = 'P.1'
        and drug_name = 'Neoral'
        and route = 'oral'
        and dose = 250
        and dose_unit = 'mg'
        and start_date = date '2008-01-01'
        and end_date is null
        and stop_reason = 'adverse_event'
        and reason is null
        and column_name is null
    ) is not true
),

event_differences as (
    select * from (
        select * from actual_events
        except
        select * from expected_events
    ) as unexpected
    union all
    select * from (
        select * from expected_events
        except
        select * from actual_events
    ) as missing
)

select
    'adverse_events' as table_name,
    line_number
from event_differences
union all
select
    'drug_exposures' as table_name,
    line_number
from exposure_differences
union all
select
    'drug_exposures' as table_name,
    count(*) as line_number
from typed_exposures
having count(*) <> 1

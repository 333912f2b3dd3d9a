-- No row on purpose: the CDM holds no statement about the activity of the colitis
-- (neither a score nor an end date of the condition), and none is invented.
select
    cast(null as varchar) as assessment_id,
    cast(null as varchar) as patient_id,
    cast(null as date) as assessment_date,
    cast(null as varchar) as disease_status,
    cast(null as varchar) as score_name,
    cast(null as double) as score_value
where false

with records as (
    {{ input_records('disease_assessments') }}
),

typed as (
    {{ typed_cells('records', 'clinic', 'disease_assessments') }}
),

final as (
    select
        line_number,
        assessment_id,
        patient_id,
        assessment_date,
        disease_status,
        score_name,
        score_value,
        reason,
        column_name
    from typed
)

select * from final

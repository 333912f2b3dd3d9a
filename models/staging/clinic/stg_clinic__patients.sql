with records as (
    {{ input_records('patients') }}
),

typed as (
    {{ typed_cells('records', 'clinic', 'patients') }}
),

final as (
    select
        line_number,
        patient_id,
        birth_date,
        sex,
        diagnosis,
        diagnosis_date,
        steroid_refractory,
        last_follow_up_date,
        death_date,
        reason,
        column_name
    from typed
)

select * from final

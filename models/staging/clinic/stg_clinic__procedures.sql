with records as (
    {{ input_records('procedures') }}
),

typed as (
    {{ typed_cells('records', 'clinic', 'procedures') }}
),

final as (
    select
        line_number,
        procedure_id,
        patient_id,
        procedure_name,
        procedure_date,
        reason,
        column_name
    from typed
)

select * from final

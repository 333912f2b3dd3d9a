with records as (
    {{ input_records('drug_exposures') }}
),

typed as (
    {{ typed_cells('records', 'clinic', 'drug_exposures') }}
),

final as (
    select
        line_number,
        exposure_id,
        patient_id,
        drug_name,
        route,
        dose,
        dose_unit,
        start_date,
        end_date,
        stop_reason,
        reason,
        column_name
    from typed
)

select * from final

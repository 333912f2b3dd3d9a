with accounted as (
    select * from {{ ref('int_drug_exposures_accounted') }}
),

described as (
    select
        disposition,
        reason,
        drug_name,
        stop_reason,
        is_end_date_cut,
        patient_id is not null and start_date is not null as is_placed,
        coalesce(end_date >= start_date, end_date is null) as is_in_order,
        {{ patient_group('patient_number') }} as patient_group,
        patient_number
    from accounted
),

final as (
    select
        disposition,
        reason,
        drug_name,
        stop_reason,
        is_end_date_cut,
        is_placed,
        is_in_order,
        patient_group,
        count(*) as n_records,
        cast(sum(patient_number) as bigint) as sum_of_patient_numbers
    from described
    group by
        disposition,
        reason,
        drug_name,
        stop_reason,
        is_end_date_cut,
        is_placed,
        is_in_order,
        patient_group
)

select * from final

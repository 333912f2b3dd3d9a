with eras as (
    select * from {{ ref('int_drug_eras') }}
),

final as (
    select
        {{ as_text('patient_id') }} as patient_id,
        ingredient,
        era_start_date,
        era_end_date,
        n_exposures
    from eras
)

select * from final

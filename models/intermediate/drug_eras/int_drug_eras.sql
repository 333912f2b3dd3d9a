with exposure_eras as (
    select * from {{ ref('int_exposure_eras') }}
),

ranked as (
    select
        *,
        -- The era's last exposure: greatest end, then start, then id (SPEC 3).
        row_number() over (
            partition by patient_id, ingredient, era_number
            order by end_date desc, start_date desc, exposure_id desc
        ) as recency
    from exposure_eras
),

final as (
    select
        patient_id,
        ingredient,
        min(start_date) as era_start_date,
        max(end_date) as era_end_date,
        cast(count(*) as integer) as n_exposures,
        max(case when recency = 1 then stop_reason end) as last_stop_reason
    from ranked
    group by patient_id, ingredient, era_number
)

select * from final

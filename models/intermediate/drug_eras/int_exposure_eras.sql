with exposures as (
    select * from {{ ref('int_drug_exposures') }}
),

ingredients as (
    select * from {{ ref('int_ingredients') }}
),

with_running_end as (
    select
        exposures.exposure_id,
        exposures.patient_id,
        exposures.ingredient,
        exposures.start_date,
        exposures.end_date,
        exposures.stop_reason,
        ingredients.era_gap_days,
        max(exposures.end_date) over (
            partition by exposures.patient_id, exposures.ingredient
            order by exposures.start_date, exposures.exposure_id
            rows between unbounded preceding and 1 preceding
        ) as running_max_end_date
    from exposures
    inner join ingredients
        on exposures.ingredient = ingredients.ingredient
    where exposures.ingredient <> 'unmapped'
),

final as (
    select
        exposure_id,
        patient_id,
        ingredient,
        start_date,
        end_date,
        stop_reason,
        sum(
            case
                when {{ is_new_era(
                    'start_date', 'running_max_end_date', 'era_gap_days'
                ) }} then 1
                else 0
            end
        ) over (
            partition by patient_id, ingredient
            order by start_date, exposure_id
            rows between unbounded preceding and current row
        ) as era_number
    from with_running_end
)

select * from final

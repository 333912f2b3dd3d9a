with exposures as (
    select * from {{ ref('int_drug_exposures') }}
),

-- Once more, by a name of its own: a CTE that is read twice is stored first.
exposures_by_end as (
    select * from {{ ref('int_drug_exposures') }}
),

reported_exposures as (
    select * from {{ ref('int_drug_exposures') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

ingredients as (
    select * from {{ ref('int_ingredients') }}
),

-- Unmapped exposures have no ingredient number, and join no era.
eras as (
    {{ drug_eras('exposures', 'ingredients', with_gap_days=false) }}  -- noqa: PRS
),

-- Where no reason is recorded, none has to be looked for: a CDM has few or none.
reported_ends as (
    select distinct
        patient_number,
        ingredient_number,
        end_date
    from reported_exposures
    where stop_reason is not null
),

-- The last exposure of those that end on one day: greatest start, then id (SPEC 3).
ranked as (
    select
        exposures_by_end.patient_number,
        exposures_by_end.ingredient_number,
        exposures_by_end.end_date,
        exposures_by_end.stop_reason,
        row_number() over (
            partition by
                exposures_by_end.patient_number,
                exposures_by_end.ingredient_number,
                exposures_by_end.end_date
            order by
                exposures_by_end.start_date desc, exposures_by_end.exposure_id desc
        ) as recency
    from exposures_by_end
    inner join reported_ends
        on
            exposures_by_end.patient_number = reported_ends.patient_number
            and exposures_by_end.ingredient_number = reported_ends.ingredient_number
            and exposures_by_end.end_date = reported_ends.end_date
),

last_exposures as (
    select * from ranked
    where recency = 1
),

final as (
    select
        patients.patient_id,
        ingredients.ingredient,
        eras.era_start_date,
        eras.era_end_date,
        eras.n_exposures,
        last_exposures.stop_reason as last_stop_reason
    from eras
    inner join patients
        on eras.patient_number = patients.patient_number
    inner join ingredients
        on eras.ingredient_number = ingredients.ingredient_number
    -- Exposures that end on the era's last day are all of this era.
    left join last_exposures
        on
            eras.patient_number = last_exposures.patient_number
            and eras.ingredient_number = last_exposures.ingredient_number
            and eras.era_end_date = last_exposures.end_date
)

select * from final

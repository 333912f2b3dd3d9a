with accounted as (
    select * from {{ ref('int_drug_exposures_accounted') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

name_ingredients as (
    select * from {{ ref('int_drug_name_ingredients') }}
),

final as (
    select
        accounted.exposure_id,
        accounted.line_number,
        accounted.patient_id,
        name_ingredients.ingredient,
        accounted.start_date,
        -- least() skips NULL: an ongoing exposure ends where observation ends (SPEC 1).
        least(accounted.end_date, patients.observation_end_date) as end_date,
        accounted.stop_reason,
        coalesce(
            accounted.end_date > patients.observation_end_date, false
        ) as is_end_date_cut
    from accounted
    inner join patients
        on accounted.patient_id = patients.patient_id
    inner join name_ingredients
        on accounted.drug_name = name_ingredients.written_name
    where accounted.disposition = 'accepted'
)

select * from final

with accounted as (
    select * from {{ ref('int_drug_exposures_accounted') }}
),

name_ingredients as (
    select * from {{ ref('int_drug_name_ingredients') }}
),

ingredients as (
    select * from {{ ref('int_ingredients') }}
),

-- Not even where a study's own file has an ingredient of that name.
numbered_names as (
    select
        name_ingredients.written_name,
        name_ingredients.ingredient,
        ingredients.ingredient_number
    from name_ingredients
    left join ingredients
        on
            name_ingredients.ingredient = ingredients.ingredient
            and name_ingredients.ingredient <> 'unmapped'
),

final as (
    select
        accounted.exposure_id,
        accounted.line_number,
        accounted.patient_id,
        accounted.patient_number,
        numbered_names.ingredient,
        numbered_names.ingredient_number,
        accounted.start_date,
        -- least() skips NULL: an ongoing exposure ends where observation ends (SPEC 1).
        least(accounted.end_date, accounted.observation_end_date) as end_date,
        accounted.stop_reason,
        accounted.is_end_date_cut
    from accounted
    -- Every accepted name has its row; an inner join's size DuckDB guesses too low.
    left join numbered_names
        on accounted.drug_name = numbered_names.written_name
    where
        accounted.disposition = 'accepted'
        -- So has every accepted one; said, it spares DuckDB an outer join.
        and accounted.patient_number is not null
)

select * from final

with strengths as (
    select * from {{ ref('stg_omop__drug_strength') }}
),

doses as (
    select * from {{ ref('int_omop_daily_doses') }}
),

-- A product of several ingredients lasts as long as the one that lasts longest.
final as (
    select
        strengths.drug_concept_id,
        max(strengths.amount_value / doses.daily_dose) as days_per_unit
    from strengths
    inner join doses
        on
            strengths.ingredient_concept_id = doses.ingredient_concept_id
            and strengths.amount_unit_concept_id = doses.unit_concept_id
    where strengths.amount_value > 0
    group by strengths.drug_concept_id
)

select * from final

with rules as (
    {{ own_or_shipped('omop_daily_doses') }}
),

final as (
    select
        ingredient_concept_id,
        daily_dose,
        unit_concept_id
    from rules
)

select * from final

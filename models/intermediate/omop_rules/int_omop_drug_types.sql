with rules as (
    {{ own_or_shipped('omop_drug_types') }}
),

final as (
    select
        drug_type_concept_id,
        kind,
        assumed_days
    from rules
)

select * from final

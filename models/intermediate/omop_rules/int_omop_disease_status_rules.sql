with rules as (
    {{ own_or_shipped('omop_disease_statuses') }}
),

final as (
    select
        disease_status,
        {{ folded_name('concept_set') }} as concept_set,
        least_value,
        greatest_value,
        {{ folded_name('value_concept_set') }} as value_concept_set
    from rules
)

select * from final

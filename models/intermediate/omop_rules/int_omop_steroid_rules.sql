with rules as (
    {{ own_or_shipped('omop_steroid_rules') }}
),

final as (
    select
        protocol_id,
        {{ folded_name('concept_set') }} as concept_set,
        lookback_days
    from rules
)

select * from final

with comparison as (
    select * from {{ ref('agg_published_comparison') }}
),

-- event_term, horizon_months and arm_id may be null. To group by, null is a value; to a
-- key test it is a failure.
final as (
    select
        study_id,
        protocol_id,
        arm_id,
        direction,
        measure,
        event_term,
        horizon_months,
        count(*) as n_rows
    from comparison
    group by
        study_id,
        protocol_id,
        arm_id,
        direction,
        measure,
        event_term,
        horizon_months
    having count(*) > 1
)

select * from final

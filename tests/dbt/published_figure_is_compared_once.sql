with comparison as (
    select * from {{ ref('agg_published_comparison') }}
),

-- event_term is null for most measures. To group by, null is a value; to a key test it
-- is a failure.
final as (
    select
        study_id,
        protocol_id,
        arm_id,
        measure,
        event_term,
        count(*) as n_rows
    from comparison
    group by study_id, protocol_id, arm_id, measure, event_term
    having count(*) > 1
)

select * from final

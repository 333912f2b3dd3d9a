with published as (
    select * from {{ ref('published_outcomes') }}
),

comparison as (
    select * from {{ ref('agg_published_comparison') }}
),

-- From the published figures, so that one that the comparison loses fails too.
final as (
    select
        published.study_id,
        published.arm_id,
        published.measure,
        published.event_term,
        published.published_value,
        comparison.observed_value
    from published
    left join comparison
        on
            published.study_id = comparison.study_id
            and published.protocol_id = comparison.protocol_id
            and published.arm_id = comparison.arm_id
            and published.measure = comparison.measure
            and published.event_term is not distinct from comparison.event_term
    where comparison.is_match is not true
)

select * from final

with published as (
    select * from {{ ref('published_outcomes') }}
),

studies as (
    select * from {{ ref('published_studies') }}
),

comparison as (
    select * from {{ ref('agg_published_comparison') }}
),

-- From the published figures, so that one that the comparison loses fails too.
final as (
    select
        published.study_id,
        published.direction,
        published.measure,
        published.event_term,
        published.published_value,
        comparison.observed_value
    from published
    inner join studies
        on published.study_id = studies.study_id
    left join comparison
        on
            published.study_id = comparison.study_id
            and studies.reference_protocol_id = comparison.protocol_id
            and published.direction = comparison.direction
            and published.measure = comparison.measure
            and published.event_term is not distinct from comparison.event_term
    where
        studies.reference_protocol_id is not null
        and comparison.is_match is not true
)

select * from final

with published as (
    select * from {{ ref('published_outcomes') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

comparison as (
    select * from {{ ref('agg_published_comparison') }}
),

-- No study is passed over in silence: what is not compared is listed with its reason.
final as (
    select
        published.study_id,
        published.direction,
        published.measure,
        published.event_term,
        published.horizon_months,
        protocols.protocol_id
    from published
    cross join protocols
    left join comparison
        on
            published.study_id = comparison.study_id
            and protocols.protocol_id = comparison.protocol_id
            and published.direction = comparison.direction
            and published.measure = comparison.measure
            and published.event_term is not distinct from comparison.event_term
            and published.horizon_months is not distinct from comparison.horizon_months
            and published.published_value = comparison.published_value
    where comparison.study_id is null
)

select * from final

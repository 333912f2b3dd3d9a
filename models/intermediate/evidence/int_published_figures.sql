with outcomes as (
    select * from {{ ref('published_outcomes') }}
),

studies as (
    select * from {{ ref('published_studies') }}
),

directions as (
    select * from {{ ref('published_directions') }}
),

measures as (
    select * from {{ ref('published_measures') }}
),

with_rates as (
    select
        outcomes.*,
        outcomes.denominator as published_n,
        studies.population,
        studies.reference_protocol_id,
        directions.window_days,
        directions.window_description,
        measures.outcome,
        measures.statistic,
        measures.observed_definition,
        measures.not_compared_reason,
        coalesce(
            {{ proportion('outcomes.numerator', 'outcomes.denominator') }},
            case when outcomes.unit = 'percent' then outcomes.published_value / 100 end
        ) as published_rate
    from outcomes
    inner join studies
        on outcomes.study_id = studies.study_id
    inner join directions
        on
            outcomes.study_id = directions.study_id
            and outcomes.direction = directions.direction
    inner join measures
        on outcomes.measure = measures.measure
),

-- Counts say more than an interval by an unknown method, and that more than an error.
with_sources as (
    select
        *,
        case
            when numerator is not null then 'wilson_from_counts'
            when interval_low is not null then 'printed'
            when standard_error is not null then 'standard_error'
        end as interval_source
    from with_rates
),

final as (
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        unit,
        published_value,
        printed_decimals,
        published_n,
        published_rate,
        case interval_source
            when 'wilson_from_counts' then {{ wilson_low('numerator', 'denominator') }}
            when 'printed' then interval_low / 100
            when 'standard_error'
                then greatest(
                    published_rate - {{ z_95() }} * standard_error / 100,
                    cast(0 as {{ double_type() }})
                )
        end as published_low,
        case interval_source
            when 'wilson_from_counts' then {{ wilson_high('numerator', 'denominator') }}
            when 'printed' then interval_high / 100
            when 'standard_error'
                then least(
                    published_rate + {{ z_95() }} * standard_error / 100,
                    cast(1 as {{ double_type() }})
                )
        end as published_high,
        interval_source,
        definition_note,
        population,
        reference_protocol_id,
        window_days,
        window_description,
        outcome,
        statistic,
        observed_definition,
        not_compared_reason
    from with_sources
)

select * from final

with outcomes as (
    select * from {{ ref('published_outcomes') }}
),

studies as (
    select * from {{ ref('published_studies') }}
),

parts as (
    select * from {{ ref('published_parts') }}
),

figures as (
    select
        outcomes.*,
        cast(
            coalesce(outcomes.denominator, studies.n_patients) as {{ double_type() }}
        ) as n,
        outcomes.published_value / 100 as proportion
    from outcomes
    inner join studies
        on outcomes.study_id = studies.study_id
),

-- In percent, as if the outcome of every patient were known.
with_errors as (
    select
        *,
        100 * sqrt(proportion * (1 - proportion) / n) as binomial_error
    from figures
    where unit = 'percent'
),

sums as (
    select
        parts.study_id,
        parts.whole_direction,
        parts.whole_measure,
        -- Whole numbers of patients: their sum is the same in any order.
        cast(sum(figures.numerator) as {{ double_type() }}) as total,
        count(*) as n_parts
    from parts
    inner join figures
        on
            parts.study_id = figures.study_id
            and parts.part_direction = figures.direction
            and parts.part_measure = figures.measure
    group by parts.study_id, parts.whole_direction, parts.whole_measure
)

select * from sums

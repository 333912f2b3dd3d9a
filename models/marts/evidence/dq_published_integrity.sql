with outcomes as (
    select * from {{ ref('published_outcomes') }}
),

studies as (
    select * from {{ ref('published_studies') }}
),

parts as (
    select * from {{ ref('published_parts') }}
),

-- The binomial standard error, in percent: as if every patient's outcome were known.
figures as (
    select
        outcomes.*,
        coalesce(outcomes.denominator, studies.n_patients) as n_patients,
        case
            when outcomes.unit = 'percent'
                then
                    sqrt(
                        outcomes.published_value * (100 - outcomes.published_value)
                        / cast(
                            coalesce(outcomes.denominator, studies.n_patients)
                            as {{ double_type() }}
                        )
                    )
        end as binomial_error
    from outcomes
    inner join studies
        on outcomes.study_id = studies.study_id
),

percentages as (
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        'percentage_from_counts' as check_kind,
        published_value as printed_value,
        printed_decimals,
        100 * {{ proportion('numerator', 'denominator') }} as recomputed_value,
        n_patients as n_counted
    from figures
    where unit = 'percent' and numerator is not null
),

standard_errors as (
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        'standard_error_from_proportion' as check_kind,
        standard_error as printed_value,
        standard_error_decimals as printed_decimals,
        binomial_error as recomputed_value,
        n_patients as n_counted
    from figures
    where standard_error is not null
),

low_bounds as (
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        'interval_low_from_proportion' as check_kind,
        interval_low as printed_value,
        interval_decimals as printed_decimals,
        greatest(
            published_value - {{ z_95() }} * binomial_error,
            cast(0 as {{ double_type() }})
        ) as recomputed_value,
        n_patients as n_counted
    from figures
    where interval_low is not null
),

high_bounds as (
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        'interval_high_from_proportion' as check_kind,
        interval_high as printed_value,
        interval_decimals as printed_decimals,
        least(
            published_value + {{ z_95() }} * binomial_error,
            cast(100 as {{ double_type() }})
        ) as recomputed_value,
        n_patients as n_counted
    from figures
    where interval_high is not null
),

sums as (
    select
        wholes.study_id,
        wholes.direction,
        wholes.measure,
        wholes.event_term,
        wholes.horizon_months,
        'parts_sum_to_whole' as check_kind,
        wholes.published_value as printed_value,
        wholes.printed_decimals,
        -- Whole numbers of patients: their sum is the same in any order.
        cast(
            sum(cast(part_figures.published_value as integer)) as {{ double_type() }}
        ) as recomputed_value,
        cast(count(*) as integer) as n_counted
    from parts
    inner join figures as wholes
        on
            parts.study_id = wholes.study_id
            and parts.whole_direction = wholes.direction
            and parts.whole_measure = wholes.measure
    inner join figures as part_figures
        on
            parts.study_id = part_figures.study_id
            and parts.part_direction = part_figures.direction
            and parts.part_measure = part_figures.measure
    group by
        wholes.study_id,
        wholes.direction,
        wholes.measure,
        wholes.event_term,
        wholes.horizon_months,
        wholes.published_value,
        wholes.printed_decimals
),

checks as (
    select * from percentages
    union all
    select * from standard_errors
    union all
    select * from low_bounds
    union all
    select * from high_bounds
    union all
    select * from sums
),

-- A figure follows if the recomputed one prints as it: half a unit of its last digit.
judged as (
    select
        *,
        abs(recomputed_value - printed_value)
        <= 0.5 * power(cast(10 as {{ double_type() }}), -printed_decimals) as follows,
        cast(n_counted as {{ dbt.type_string() }}) as counted
    from checks
),

final as (
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        check_kind,
        printed_value,
        printed_decimals,
        recomputed_value,
        follows,
        case
            when check_kind = 'percentage_from_counts' and follows
                then 'The patients with it are this percentage of ' || counted || '.'
            when check_kind = 'percentage_from_counts'
                then 'The patients with it are another percentage of ' || counted || '.'
            when check_kind = 'standard_error_from_proportion' and follows
                then
                    'The binomial error of ' || counted
                    || ' patients, as if none was censored before.'
            when
                check_kind = 'standard_error_from_proportion'
                and printed_value > recomputed_value
                then
                    'Larger than the binomial error of ' || counted
                    || ' patients, which only holds without censoring.'
            when check_kind = 'standard_error_from_proportion'
                then
                    'Smaller than the binomial error of ' || counted
                    || ' patients, which censoring does not explain.'
            when check_kind = 'parts_sum_to_whole' and follows
                then 'Its ' || counted || ' parts add up to it.'
            when check_kind = 'parts_sum_to_whole'
                then 'Its ' || counted || ' parts add up to something else.'
            when follows
                then
                    'The normal 95% limits of ' || counted
                    || ' patients, within 0 and 100%.'
            else
                'Not the normal 95% limits of ' || counted
                || ' patients: another method, or other patients.'
        end as explanation
    from judged
)

select * from final

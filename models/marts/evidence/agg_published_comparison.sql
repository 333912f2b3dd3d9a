with figures as (
    select * from {{ ref('int_published_figures') }}
),

direction_arms as (
    select * from {{ ref('int_direction_arms') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

observed as (
    select * from {{ ref('int_observed_outcomes') }}
),

joined as (
    select
        figures.*,
        direction_arms.protocol_id,
        direction_arms.arm_id,
        direction_arms.shortest_window_days,
        direction_arms.longest_window_days,
        coalesce(figures.reference_protocol_id = protocols.protocol_id, false)
            as is_reference_study,
        case
            when protocols.remission_within_days is null
                then 'at any time after salvage'
            else
                'within ' || cast(
                    protocols.remission_within_days as {{ dbt.type_string() }}
                ) || ' days of salvage'
        end as remission_limit,
        cast(protocols.ae_risk_window_days as {{ dbt.type_string() }})
            as ae_risk_window_days,
        coalesce(
            direction_arms.not_matched_reason,
            figures.not_compared_reason,
            observed.missing_reason
        ) as reason,
        observed.observed_n,
        observed.observed_rate,
        observed.observed_low,
        observed.observed_high,
        observed.interval_missing_reason as observed_interval_missing_reason,
        coalesce(protocols.diagnosis, 'any diagnosis')
        || case
            when protocols.require_steroid_refractory then ', steroid-refractory'
            else ''
        end
        || case
            when protocols.require_failure then ', after failure of the first drug'
            else ', whether the first drug failed or not'
        end
        || ', with an overlap of at most '
        || {{ days_in_words('protocols.max_overlap_days') }} as protocol_population,
        case figures.statistic
            when 'count' then cast(observed.n_events as {{ double_type() }})
            when 'percent' then 100 * observed.observed_rate
            else observed.observed_value
        end as observed_value
    from figures
    inner join direction_arms
        on figures.direction = direction_arms.direction
    inner join protocols
        on direction_arms.protocol_id = protocols.protocol_id
    left join observed
        on
            direction_arms.protocol_id = observed.protocol_id
            and direction_arms.arm_id = observed.arm_id
            and figures.outcome = observed.outcome
            and figures.event_term is not distinct from observed.event_term
            and figures.horizon_months is not distinct from observed.horizon_months
),

compared as (
    select
        *,
        case when reason is null then observed_value end as compared_value
    from joined
),

final as (
    select
        study_id,
        protocol_id,
        arm_id,
        direction,
        measure,
        event_term,
        horizon_months,
        unit,
        published_value,
        published_n,
        published_rate,
        published_low,
        published_high,
        interval_source,
        compared_value as observed_value,
        case when reason is null then observed_n end as observed_n,
        observed_rate,
        observed_low,
        observed_high,
        observed_interval_missing_reason,
        observed_rate - published_rate as rate_difference,
        is_reference_study,
        -- A figure matches if it prints as the published one: half a unit of its last
        -- digit. Only a protocol that reconstructs the study has to.
        case
            when is_reference_study
                then coalesce(
                    abs(compared_value - published_value)
                    <= 0.5 * power(cast(10 as {{ double_type() }}), -printed_decimals),
                    false
                )
        end as is_match,
        case
            when
                shortest_window_days = window_days
                and longest_window_days = window_days then null
            when shortest_window_days is not null
                then
                    'Published: ' || coalesce(window_description, 'window not given')
                    || '; here: within '
                    || cast(shortest_window_days as {{ dbt.type_string() }})
                    || case
                        when longest_window_days > shortest_window_days
                            then
                                ' to ' || cast(
                                    longest_window_days as {{ dbt.type_string() }}
                                )
                        else ''
                    end || ' days.'
        end as window_difference,
        case
            when reason is null and not is_reference_study
                then
                    'Published: ' || coalesce(population, 'population not given')
                    || '; here: ' || protocol_population || '.'
        end as population_difference,
        case
            when reason is null and not is_reference_study
                then
                    'Published: ' || coalesce(definition_note, 'definition not given')
                    || '; here: ' || replace(
                        replace(
                            observed_definition, '{remission_limit}', remission_limit
                        ),
                        '{ae_risk_window_days}',
                        ae_risk_window_days
                    ) || '.'
        end as definition_difference,
        reason as not_compared_reason
    from compared
)

select * from final

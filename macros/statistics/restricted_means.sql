{#-
    Survival and restricted mean survival at stated horizons.

    restricted_means(curves, group_columns, duration, horizons, horizon)
        -> query, one row per group and horizon: the group columns, the horizon under its name,
           n_at_risk (bigint, still under observation at the horizon and without the event before
           it), survival (double), std_error, ci_low, ci_high, interval_missing_reason as in the curve
           at the horizon, restricted_mean, restricted_mean_std_error (double, in the unit of
           `duration`), restricted_mean_low, restricted_mean_high (double, 95%, normal, within [0, horizon]),
           is_beyond_follow_up (boolean)

    curves: relation or CTE with the columns that kaplan_meier gives. horizons: relation or CTE;
    horizon: its column, a number >= 0 in the unit of `duration`. Each group is asked at each
    horizon whose group columns are equal, if the relation has any of them: pass them in
    `horizons`, which must hold all group columns.
    The restricted mean is the area below the curve from 0 to the horizon: the mean time without
    the event among the first `horizon` days. Beyond the last observation of a group in which
    somebody is still without the event nothing is known: all estimates are NULL there and
    is_beyond_follow_up is true.
    The restricted mean's variance is that of the area (as in R's survfit). Its interval is cut at 0 and
    the horizon, which it cannot pass, and NULL where the variance is 0: nobody had the event before
    the horizon, or all at one time.
-#}
{% macro restricted_means(curves, group_columns, duration, horizons, horizon) -%}
    {%- set groups = group_columns | join(', ') -%}
    {%- set keys = groups ~ ', ' ~ horizon -%}
    with steps as (
        select
            *,
            lead({{ duration }}) over (
                partition by {{ groups }} order by {{ duration }}
            ) as next_time,
            max({{ duration }}) over (partition by {{ groups }}) as last_time,
            min(survival) over (partition by {{ groups }}) as last_survival
        from {{ curves }}
    ),

    -- The steps up to each horizon, the last one cut there.
    cut as (
        select
            {%- for column in group_columns %}
            steps.{{ column }},
            {%- endfor %}
            horizons.{{ horizon }},
            steps.{{ duration }},
            steps.n_at_risk,
            steps.n_events,
            steps.n_censored,
            steps.survival,
            steps.std_error,
            steps.ci_low,
            steps.ci_high,
            steps.interval_missing_reason,
            steps.next_time is null or steps.next_time > horizons.{{ horizon }} as is_last,
            steps.last_time < horizons.{{ horizon }} and steps.last_survival > 0
                as is_beyond_follow_up,
            steps.survival * (
                least(coalesce(steps.next_time, horizons.{{ horizon }}), horizons.{{ horizon }})
                - steps.{{ duration }}
            ) as area
        from steps
        inner join {{ horizons }} as horizons
            on
                steps.{{ duration }} <= horizons.{{ horizon }}
                {%- for column in group_columns %}
                and steps.{{ column }} = horizons.{{ column }}
                {%- endfor %}
    ),

    -- An event at a time takes its share from the whole area after it.
    areas as (
        select
            *,
            cast(sum({{ salvage._exact_summand('area') }}) over (
                partition by {{ keys }} order by {{ duration }}
                rows between current row and unbounded following
            ) as {{ salvage.double_type() }}) as area_after
        from cut
    ),

    means as (
        select
            {{ keys }},
            sum({{ salvage._exact_summand('area') }}) as restricted_mean,
            sum({{ salvage._exact_summand(
                'case when n_events < n_at_risk then area_after * area_after * n_events'
                ~ ' / n_at_risk / (n_at_risk - n_events) else 0 end'
            ) }}) as variance
        from areas
        group by {{ keys }}
    ),

    known as (
        select
            {%- for column in group_columns %}
            cut.{{ column }},
            {%- endfor %}
            cut.{{ horizon }},
            cut.is_beyond_follow_up,
            case
                when cut.{{ duration }} = cut.{{ horizon }} then cut.n_at_risk
                else cut.n_at_risk - cut.n_events - cut.n_censored
            end as n_at_risk,
            case when not cut.is_beyond_follow_up then cut.survival end as survival,
            case when not cut.is_beyond_follow_up then cut.std_error end as std_error,
            case when not cut.is_beyond_follow_up then cut.ci_low end as ci_low,
            case when not cut.is_beyond_follow_up then cut.ci_high end as ci_high,
            cut.interval_missing_reason,
            case
                when not cut.is_beyond_follow_up
                    then cast(means.restricted_mean as {{ salvage.double_type() }})
            end as restricted_mean,
            case
                when
                    not cut.is_beyond_follow_up
                    then sqrt(cast(means.variance as {{ salvage.double_type() }}))
            end as restricted_mean_std_error
        from cut
        inner join means
            on
                cut.{{ horizon }} = means.{{ horizon }}
                {%- for column in group_columns %}
                and cut.{{ column }} = means.{{ column }}
                {%- endfor %}
        where cut.is_last
    ),

    final as (
        select
            *,
            case
                when restricted_mean_std_error > 0
                    then greatest(
                        restricted_mean - {{ salvage.z_95() }} * restricted_mean_std_error,
                        0
                    )
            end as restricted_mean_low,
            case
                when restricted_mean_std_error > 0
                    then least(
                        restricted_mean + {{ salvage.z_95() }} * restricted_mean_std_error,
                        {{ horizon }}
                    )
            end as restricted_mean_high
        from known
    )

    select * from final
{%- endmacro %}

{#-
    Median survival of Kaplan-Meier curves, with its 95% interval.

    survival_medians(curves, group_columns, duration)
        -> query, one row per group: the group columns, median, median_low, median_high
           (times, in the unit of `duration`), median_midpoint (double)

    curves: relation or CTE with the columns that kaplan_meier gives.
    median: the first time at which survival is at most one half (as in lifelines); NULL where it is
    not reached. median_low, median_high: the first time at which the lower, the upper bound of
    survival is at most one half (Brookmeyer R, Crowley J, Biometrics 1982;38:29-41); NULL where it
    is not reached. median_midpoint: what R and SAS print: where survival is exactly one half over a
    while, the middle of that while, else the median.
    "At most" forgives 1e-9, since survival is a product of rounded shares.
-#}
{% macro survival_medians(curves, group_columns, duration) -%}
    {%- set groups = group_columns | join(', ') -%}
    with crossings as (
        select
            {{ groups }},
            min(case when survival <= 0.5e0 + 1e-9 then {{ duration }} end) as median,
            min(case when ci_low <= 0.5e0 + 1e-9 then {{ duration }} end) as median_low,
            min(case when ci_high <= 0.5e0 + 1e-9 then {{ duration }} end) as median_high,
            min(case when survival < 0.5e0 - 1e-9 then {{ duration }} end) as first_time_below
        from {{ curves }}
        group by {{ groups }}
    ),

    -- Without a survival of one half, both are the same time.
    final as (
        select
            {{ groups }},
            median,
            median_low,
            median_high,
            (median + coalesce(first_time_below, median)) / 2e0 as median_midpoint
        from crossings
    )

    select * from final
{%- endmacro %}

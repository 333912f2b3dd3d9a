{#-
    Log-rank tests of each two arms within a group.

    log_rank_tests(relation, group_columns, arm, duration, is_event)
        -> query, one row per group and pair of arms that occur in it: the group columns,
           the arm under its name and other_arm (the arm's value is the lower one),
           n_subjects, other_n_subjects, n_events, other_n_events (bigint),
           n_events_expected (double, of the arm), chi_square (double, 1 degree of freedom),
           p_value (double in [0, 1])

    relation: a relation or CTE, one row per subject. group_columns: list of its columns; arm: its
    column of comparable values; duration: its column, a number >= 0; is_event: its boolean column,
    false is censored. A subject with a NULL in any of them is left out.
    chi_square and p_value are NULL where there is nothing to compare: no event, none while both arms
    have somebody at risk, or only such as left nobody, so that the variance is 0. No continuity correction, ties by the hypergeometric variance.
    Source: Mantel N, Cancer Chemother Rep 1966;50:163-70; Peto R, Peto J, J R Stat Soc A
    1972;135:185-207.
-#}
{% macro log_rank_tests(relation, group_columns, arm, duration, is_event) -%}
    {%- set groups = group_columns | join(', ') -%}
    {%- set pair = groups ~ ', ' ~ arm ~ ', other_arm' -%}
    {%- set by_time -%}
        over (
            partition by {{ pair }} order by {{ duration }}
            rows between current row and unbounded following
        )
    {%- endset -%}
    with steps as (
        select
            {{ groups }},
            {{ arm }},
            {{ duration }},
            cast(count(*) as bigint) as n_leaving,
            cast(sum(case when {{ is_event }} then 1 else 0 end) as bigint) as n_events
        from {{ relation }}
        where
            {{ duration }} is not null
            and {{ is_event }} is not null
            {%- for column in group_columns + [arm] %}
            and {{ column }} is not null
            {%- endfor %}
        group by {{ groups }}, {{ arm }}, {{ duration }}
    ),

    arms as (
        select distinct
            {{ groups }},
            {{ arm }}
        from steps
    ),

    pairs as (
        select
            {%- for column in group_columns %}
            arms.{{ column }},
            {%- endfor %}
            arms.{{ arm }},
            other_arms.{{ arm }} as other_arm
        from arms
        inner join arms as other_arms
            on
                arms.{{ arm }} < other_arms.{{ arm }}
                {%- for column in group_columns %}
                and arms.{{ column }} = other_arms.{{ column }}
                {%- endfor %}
    ),

    pair_steps as (
        select
            {%- for column in group_columns %}
            pairs.{{ column }},
            {%- endfor %}
            pairs.{{ arm }},
            pairs.other_arm,
            steps.{{ duration }},
            sum(steps.n_leaving) as n_all_leaving,
            sum(steps.n_events) as n_all_events,
            sum(
                case when pairs.{{ arm }} = steps.{{ arm }} then steps.n_leaving else 0 end
            ) as n_leaving,
            sum(
                case when pairs.{{ arm }} = steps.{{ arm }} then steps.n_events else 0 end
            ) as n_events
        from pairs
        inner join steps
            on
                steps.{{ arm }} in (pairs.{{ arm }}, pairs.other_arm)
                {%- for column in group_columns %}
                and pairs.{{ column }} = steps.{{ column }}
                {%- endfor %}
        group by
            {%- for column in group_columns %}
            pairs.{{ column }},
            {%- endfor %}
            pairs.{{ arm }},
            pairs.other_arm,
            steps.{{ duration }}
    ),

    at_risk as (
        select
            *,
            cast(sum(n_leaving) {{ by_time }} as {{ salvage.double_type() }}) as n_at_risk,
            cast(sum(n_all_leaving) {{ by_time }} as {{ salvage.double_type() }})
                as n_all_at_risk
        from pair_steps
    ),

    summed as (
        select
            {{ pair }},
            cast(sum(n_leaving) as bigint) as n_subjects,
            cast(sum(n_all_leaving - n_leaving) as bigint) as other_n_subjects,
            cast(sum(n_events) as bigint) as n_events,
            cast(sum(n_all_events - n_events) as bigint) as other_n_events,
            cast(sum({{ salvage._exact_summand(
                'n_all_events * n_at_risk / n_all_at_risk'
            ) }}) as {{ salvage.double_type() }}) as n_events_expected,
            cast(sum({{ salvage._exact_summand(
                'n_all_events * (n_at_risk / n_all_at_risk)'
                ~ ' * ((n_all_at_risk - n_at_risk) / n_all_at_risk)'
                ~ ' * (n_all_at_risk - n_all_events) / greatest(n_all_at_risk - 1, 1)'
            ) }}) as {{ salvage.double_type() }}) as variance
        from at_risk
        group by {{ pair }}
    ),

    compared as (
        select
            *,
            (n_events - n_events_expected) * (n_events - n_events_expected)
            / nullif(variance, 0) as chi_square
        from summed
    ),

    final as (
        select
            {{ pair }},
            n_subjects,
            other_n_subjects,
            n_events,
            other_n_events,
            n_events_expected,
            chi_square,
            {{ salvage.chi_square_p_value('chi_square') }} as p_value
        from compared
    )

    select * from final
{%- endmacro %}

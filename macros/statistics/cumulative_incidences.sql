{#-
    Cumulative incidence of competing events (Aalen-Johansen), group by group.

    cumulative_incidences(relation, group_columns, duration, cause, causes)
        -> query, one row per group, cause and time at which somebody has an event or is censored, and
           one at time 0: the group columns, the cause and the time under their names,
           n_at_risk, n_events (bigint; events of the cause), incidence (double in [0, 1]),
           std_error (double), ci_low, ci_high (double, 95% log-log interval),
           interval_missing_reason (text)

    relation: a relation or CTE, one row per subject. group_columns: list of its columns, none NULL.
    duration: its column, a number >= 0. cause: its text column; NULL is censored. causes: list of
    the texts to report. Any other text is a competing event too. A subject with a NULL duration is
    left out.
    An event of one cause ends the time at risk of all, so that it is not censored there: the
    incidences of all causes and the share without any event add up to 1.
    No interval is given, and the reason in its place, where none is honest: `one_patient` in the
    group, `no_events` of the cause so far, `everybody`: the incidence is 1.
    Source: Aalen OO, Johansen S, Scand J Stat 1978;5:141-50; the variance is the delta method's
    (Marubini E, Valsecchi MG, Analysing Survival Data from Clinical Trials and Observational
    Studies, 1995).
-#}
{% macro cumulative_incidences(relation, group_columns, duration, cause, causes) -%}
    {%- set groups = group_columns | join(', ') -%}
    {%- set by_time = 'partition by ' ~ groups ~ ' order by ' ~ duration -%}
    {%- set double = salvage.double_type() -%}
    {%- set so_far -%}
        over (
            partition by {{ groups }}, {{ cause }} order by {{ duration }}
            rows between unbounded preceding and current row
        )
    {%- endset -%}
    with counted as (
        select
            {{ groups }},
            {{ duration }},
            1 as n_leaving,
            case when {{ cause }} is null then 0 else 1 end as n_any_events
            {%- for name in causes %},
            case when {{ cause }} = '{{ name }}' then 1 else 0 end as n_events_{{ loop.index }}
            {%- endfor %}
        from {{ relation }}
        where {{ duration }} is not null
        union all
        select distinct
            {{ groups }},
            0 as {{ duration }},
            0 as n_leaving,
            0 as n_any_events
            {%- for name in causes %},
            0 as n_events_{{ loop.index }}
            {%- endfor %}
        from {{ relation }}
        where {{ duration }} is not null
    ),

    steps as (
        select
            {{ groups }},
            {{ duration }},
            cast(sum(n_leaving) as bigint) as n_leaving,
            cast(sum(n_any_events) as bigint) as n_any_events
            {%- for name in causes %},
            cast(sum(n_events_{{ loop.index }}) as bigint) as n_events_{{ loop.index }}
            {%- endfor %}
        from counted
        group by {{ groups }}, {{ duration }}
    ),

    at_risk as (
        select
            *,
            cast(sum(n_leaving) over (
                {{ by_time }} rows between current row and unbounded following
            ) as bigint) as n_at_risk,
            cast(sum(n_leaving) over (partition by {{ groups }}) as bigint) as n_subjects
        from steps
    ),

    hazards as (
        select
            *,
            case
                when n_any_events < n_at_risk
                    then ln(cast(n_at_risk - n_any_events as {{ double }}) / n_at_risk)
            end as log_share_surviving,
            case
                when n_any_events < n_at_risk
                    then cast(n_any_events as {{ double }})
                    / n_at_risk / (n_at_risk - n_any_events)
                else 0e0
            end as variance_share
        from at_risk
    ),

    -- Without any event just before the time: at the first time nobody had one.
    survived as (
        select
            *,
            exp(coalesce(cast(sum({{ salvage._exact_summand('log_share_surviving') }}) over (
                {{ by_time }} rows between unbounded preceding and 1 preceding
            ) as {{ double }}), 0)) as survival_before
        from hazards
    ),

    by_cause as (
        {%- for name in causes %}
        select
            {{ groups }},
            '{{ name }}' as {{ cause }},
            {{ duration }},
            n_subjects,
            n_at_risk,
            n_events_{{ loop.index }} as n_events,
            survival_before,
            variance_share,
            survival_before * n_events_{{ loop.index }} / n_at_risk as incidence_step
        from survived
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ),

    accumulated as (
        select
            *,
            cast(sum({{ salvage._exact_summand('incidence_step') }}) {{ so_far }} as {{ double }})
                as incidence,
            cast(sum(n_events) {{ so_far }} as bigint) as n_events_so_far
        from by_cause
    ),

    -- The variance is a sum over the times so far of squares of (incidence now - incidence
    -- then), which is multiplied out so that running sums give it.
    products as (
        select
            *,
            {%- for term in [
                'variance_share',
                'variance_share * incidence',
                'variance_share * incidence * incidence',
                'survival_before * survival_before * (n_at_risk - n_events)'
                ~ ' / n_at_risk / n_at_risk * n_events / n_at_risk',
                'incidence_step / n_at_risk',
                'incidence_step / n_at_risk * incidence',
            ] %}
            cast(sum({{ salvage._exact_summand(term) }}) {{ so_far }} as {{ double }})
                as sum_{{ loop.index }}{{ ',' if not loop.last }}
            {%- endfor %}
        from accumulated
    ),

    estimated as (
        select
            *,
            -- Rounding alone may take a variance of 0 below it.
            sqrt(greatest(
                incidence * incidence * sum_1 - 2 * incidence * sum_2 + sum_3
                + sum_4
                - 2 * (incidence * sum_5 - sum_6),
                0e0
            )) as std_error,
            case
                when n_subjects = 1 then 'one_patient'
                when n_events_so_far = 0 then 'no_events'
                when incidence > 1 - 1e-12 then 'everybody'
            end as interval_missing_reason
        from products
    ),

    spread as (
        select
            *,
            case
                when interval_missing_reason is null
                    then {{ salvage.z_95() }} * std_error / (incidence * abs(ln(incidence)))
            end as log_log_reach
        from estimated
    ),

    final as (
        select
            {{ groups }},
            {{ cause }},
            {{ duration }},
            n_at_risk,
            n_events,
            incidence,
            std_error,
            power(incidence, exp(log_log_reach)) as ci_low,
            power(incidence, exp(-log_log_reach)) as ci_high,
            interval_missing_reason
        from spread
    )

    select * from final
{%- endmacro %}

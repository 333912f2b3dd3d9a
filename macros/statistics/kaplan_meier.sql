{#-
    Kaplan-Meier estimates of survival, group by group.

    kaplan_meier(relation, group_columns, duration, is_event)
        -> query, one row per group and time at which somebody has the event or is censored, and
           one at time 0: the group columns, the time under the name of `duration`,
           n_at_risk, n_events, n_censored (bigint; at risk: just before the time),
           survival (double in [0, 1]), std_error (double, Greenwood), ci_low, ci_high (double, 95%
           log-log interval), interval_missing_reason (text)

    relation: a relation or CTE, one row per subject. group_columns: list of its columns, none NULL.
    duration: its column, a number >= 0. is_event: its boolean column; false is censored.
    A subject whose duration or event is NULL is left out. Of one day events come before
    censorings, so that who is censored then is still at risk for them.
    No interval is given, and the reason in its place, where none is honest: `one_patient` in the
    group, `no_events` so far, `no_survivors`: nobody is left, survival is exactly 0 and Greenwood's
    variance has no value (std_error is NULL too).
    Source: Kaplan EL, Meier P, J Am Stat Assoc 1958;53:457-81; log-log transform: Kalbfleisch JD,
    Prentice RL, The Statistical Analysis of Failure Time Data, 1980.
    Usage: `with times as (...), curves as (
    {{ '{{' }} kaplan_meier('times', ['arm_id'], 'duration_days', 'is_event') {{ '}}' }} ) ...`
-#}
{% macro kaplan_meier(relation, group_columns, duration, is_event) -%}
    {%- set groups = group_columns | join(', ') -%}
    {%- set by_time = 'partition by ' ~ groups ~ ' order by ' ~ duration -%}
    with counted as (
        select
            {{ groups }},
            {{ duration }},
            case when {{ is_event }} then 1 else 0 end as n_events,
            case when {{ is_event }} then 0 else 1 end as n_censored
        from {{ relation }}
        where {{ duration }} is not null and {{ is_event }} is not null
        union all
        select distinct
            {{ groups }},
            0 as {{ duration }},
            0 as n_events,
            0 as n_censored
        from {{ relation }}
        where {{ duration }} is not null and {{ is_event }} is not null
    ),

    steps as (
        select
            {{ groups }},
            {{ duration }},
            cast(sum(n_events) as bigint) as n_events,
            cast(sum(n_censored) as bigint) as n_censored
        from counted
        group by {{ groups }}, {{ duration }}
    ),

    at_risk as (
        select
            *,
            cast(sum(n_events + n_censored) over (
                {{ by_time }} rows between current row and unbounded following
            ) as bigint) as n_at_risk,
            cast(sum(n_events + n_censored) over (
                partition by {{ groups }}
            ) as bigint) as n_subjects
        from steps
    ),

    -- The step at which the last one at risk has the event takes survival to 0.
    hazards as (
        select
            *,
            case
                when n_events < n_at_risk
                    then ln(cast(n_at_risk - n_events as {{ salvage.double_type() }}) / n_at_risk)
            end as log_share_surviving,
            case
                when n_events < n_at_risk
                    then cast(n_events as {{ salvage.double_type() }})
                    / n_at_risk / (n_at_risk - n_events)
            end as variance_share
        from at_risk
    ),

    summed as (
        select
            *,
            cast(sum({{ salvage._exact_summand('log_share_surviving') }}) over (
                {{ by_time }} rows between unbounded preceding and current row
            ) as {{ salvage.double_type() }}) as log_survival,
            cast(sum({{ salvage._exact_summand('variance_share') }}) over (
                {{ by_time }} rows between unbounded preceding and current row
            ) as {{ salvage.double_type() }}) as relative_variance
        from hazards
    ),

    estimated as (
        select
            *,
            case when n_events = n_at_risk then 0e0 else exp(log_survival) end as survival,
            case
                when n_subjects = 1 then 'one_patient'
                when log_survival = 0 and n_events < n_at_risk then 'no_events'
                when n_events = n_at_risk then 'no_survivors'
            end as interval_missing_reason
        from summed
    ),

    spread as (
        select
            *,
            case
                when interval_missing_reason is null
                    then {{ salvage.z_95() }} * sqrt(relative_variance) / abs(log_survival)
            end as log_log_reach
        from estimated
    ),

    final as (
        select
            {{ groups }},
            {{ duration }},
            n_at_risk,
            n_events,
            n_censored,
            survival,
            case
                when n_events < n_at_risk then survival * sqrt(relative_variance)
            end as std_error,
            exp(log_survival * exp(log_log_reach)) as ci_low,
            exp(log_survival * exp(-log_log_reach)) as ci_high,
            interval_missing_reason
        from spread
    )

    select * from final
{%- endmacro %}

{#-
    The Kaplan-Meier curves of one outcome, as the marts of survival publish them.

    survival_curves_of(outcome) -> query: the public columns of agg_remission_survival

    outcome: an outcome of int_survival_curves, 'remission' or 'colectomy_free'.
-#}
{% macro survival_curves_of(outcome) -%}
with curves as (
    select * from {{ ref('int_survival_curves') }}
),

reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

arms as (
    select distinct
        protocol_id,
        arm_id,
        arm_label
    from reporting_arms
),

final as (
    select
        curves.protocol_id,
        curves.arm_id,
        arms.arm_label,
        curves.duration_days,
        curves.n_at_risk,
        curves.n_events,
        curves.n_censored,
        curves.survival,
        curves.std_error,
        curves.ci_low,
        curves.ci_high,
        'log-log' as ci_transform,
        curves.interval_missing_reason
    from curves
    inner join arms
        on
            curves.protocol_id = arms.protocol_id
            and curves.arm_id = arms.arm_id
    where curves.outcome = '{{ outcome }}'
)

select * from final
{%- endmacro %}

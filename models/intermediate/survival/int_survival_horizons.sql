with horizons as (
    select * from {{ ref('survival_horizons') }}
),

reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

arms as (
    select distinct
        protocol_id,
        arm_id,
        arm_label,
        days_per_month
    from reporting_arms
),

outcomes as (
    select 'remission' as outcome
    union all
    select 'colectomy_free' as outcome
),

-- Whole days, as dates are; no more of them than a window may have.
final as (
    select
        arms.protocol_id,
        outcomes.outcome,
        arms.arm_id,
        arms.arm_label,
        horizons.horizon_months,
        cast(least(
            floor(horizons.horizon_months * arms.days_per_month + 0.5),
            {{ var('max_days') }}
        ) as integer) as horizon_days
    from arms
    cross join outcomes
    cross join horizons
)

select * from final

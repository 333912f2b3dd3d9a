with survival_at_horizons as (
    select * from {{ ref('agg_survival_at_horizons') }}
),

incidences as (
    select * from {{ ref('int_colectomy_incidences') }}
),

-- The last step of each arm at or before the horizon.
ranked as (
    select
        incidences.protocol_id,
        incidences.arm_id,
        survival_at_horizons.horizon_months,
        incidences.incidence,
        incidences.ci_low,
        incidences.ci_high,
        incidences.interval_missing_reason,
        row_number() over (
            partition by
                incidences.protocol_id,
                incidences.arm_id,
                survival_at_horizons.horizon_months
            order by incidences.duration_days desc
        ) as recency
    from survival_at_horizons
    inner join incidences
        on
            survival_at_horizons.protocol_id = incidences.protocol_id
            and survival_at_horizons.arm_id = incidences.arm_id
            and survival_at_horizons.horizon_days >= incidences.duration_days
    where
        survival_at_horizons.outcome = 'colectomy_free'
        -- Behind the last observation the curve is not known, and neither is this.
        and survival_at_horizons.survival is not null
),

final as (
    select
        protocol_id,
        arm_id,
        horizon_months,
        incidence,
        ci_low,
        ci_high,
        interval_missing_reason
    from ranked
    where recency = 1
)

select * from final

with horizons as (
    select * from {{ ref('int_survival_horizons') }}
),

restricted_means as (
    select * from {{ ref('int_restricted_means') }}
),

curves as (
    select * from {{ ref('int_survival_curves') }}
),

-- At time 0 everybody is at risk.
patients as (
    select
        protocol_id,
        outcome,
        arm_id,
        n_at_risk as n_patients
    from curves
    where duration_days = 0
),

final as (
    select
        horizons.protocol_id,
        horizons.arm_id,
        horizons.arm_label,
        horizons.outcome,
        horizons.horizon_months,
        horizons.horizon_days,
        coalesce(patients.n_patients, 0) as n_patients,
        coalesce(restricted_means.n_at_risk, 0) as n_at_risk,
        restricted_means.survival,
        restricted_means.std_error,
        restricted_means.ci_low,
        restricted_means.ci_high,
        'log-log' as ci_transform,
        restricted_means.restricted_mean as restricted_mean_days,
        restricted_means.restricted_mean_std_error
            as restricted_mean_std_error_days,
        restricted_means.restricted_mean_low as restricted_mean_low_days,
        restricted_means.restricted_mean_high as restricted_mean_high_days,
        case
            when patients.n_patients is null then 'no_patients'
            when restricted_means.is_beyond_follow_up then 'beyond_follow_up'
            else coalesce(
                restricted_means.interval_missing_reason,
                case
                    when restricted_means.restricted_mean_std_error = 0
                        then 'no_variance'
                end
            )
        end as missing_reason
    from horizons
    left join patients
        on
            horizons.protocol_id = patients.protocol_id
            and horizons.outcome = patients.outcome
            and horizons.arm_id = patients.arm_id
    left join restricted_means
        on
            horizons.protocol_id = restricted_means.protocol_id
            and horizons.outcome = restricted_means.outcome
            and horizons.arm_id = restricted_means.arm_id
            and horizons.horizon_days = restricted_means.horizon_days
)

select * from final

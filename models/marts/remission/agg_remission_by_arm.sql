with counts as (
    select * from {{ ref('int_remission_counts') }}
),

intervals as (
    select * from {{ ref('int_exact_proportion_intervals') }}
),

medians as (
    select * from {{ ref('int_survival_medians') }}
    where outcome = 'remission'
),

final as (
    select
        counts.protocol_id,
        counts.arm_id,
        counts.arm_label,
        counts.n_patients,
        counts.n_remissions,
        {{ proportion('counts.n_remissions', 'counts.n_patients') }}
            as remission_rate,
        {{ wilson_low('counts.n_remissions', 'counts.n_patients') }} as wilson_low,
        {{ wilson_high('counts.n_remissions', 'counts.n_patients') }} as wilson_high,
        intervals.exact_low,
        intervals.exact_high,
        {{ days_to_months('counts.mean_days', 'counts.days_per_month') }}
            as mean_months,
        {{ days_to_months('counts.min_days', 'counts.days_per_month') }} as min_months,
        {{ days_to_months('counts.max_days', 'counts.days_per_month') }} as max_months,
        {{ days_to_months('medians.median', 'counts.days_per_month') }}
            as km_median_months,
        {{ days_to_months('medians.median_low', 'counts.days_per_month') }}
            as km_median_low_months,
        {{ days_to_months('medians.median_high', 'counts.days_per_month') }}
            as km_median_high_months,
        case
            when medians.arm_id is null then 'no_remission'
            when medians.median is null then 'not_reached'
            when counts.n_remissions = 1 then 'one_patient'
            when medians.median_low is null or medians.median_high is null
                then 'bound_not_reached'
        end as km_median_missing_reason
    from counts
    left join intervals
        on
            counts.n_remissions = intervals.n_events
            and counts.n_patients = intervals.n_total
    left join medians
        on
            counts.protocol_id = medians.protocol_id
            and counts.arm_id = medians.arm_id
)

select * from final

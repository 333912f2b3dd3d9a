with counts as (
    select * from {{ ref('int_remission_counts') }}
),

intervals as (
    select * from {{ ref('int_exact_proportion_intervals') }}
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
        {{ days_to_months('counts.max_days', 'counts.days_per_month') }} as max_months
    from counts
    left join intervals
        on
            counts.n_remissions = intervals.n_events
            and counts.n_patients = intervals.n_total
)

select * from final

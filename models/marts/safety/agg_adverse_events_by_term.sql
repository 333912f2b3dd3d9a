with counts as (
    select * from {{ ref('int_serious_event_term_counts') }}
),

intervals as (
    select * from {{ ref('int_exact_proportion_intervals') }}
),

final as (
    select
        counts.protocol_id,
        counts.arm_id,
        counts.arm_label,
        counts.event_term,
        counts.n_patients,
        counts.n_patients_with_event,
        counts.n_events,
        {{ proportion('counts.n_patients_with_event', 'counts.n_patients') }} as rate,
        {{ wilson_low('counts.n_patients_with_event', 'counts.n_patients') }}
            as wilson_low,
        {{ wilson_high('counts.n_patients_with_event', 'counts.n_patients') }}
            as wilson_high,
        intervals.exact_low,
        intervals.exact_high
    from counts
    left join intervals
        on
            counts.n_patients_with_event = intervals.n_events
            and counts.n_patients = intervals.n_total
)

select * from final

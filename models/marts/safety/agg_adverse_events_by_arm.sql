with counts as (
    select * from {{ ref('int_serious_event_counts') }}
),

proportion_intervals as (
    select * from {{ ref('int_exact_proportion_intervals') }}
),

poisson_intervals as (
    select * from {{ ref('int_exact_poisson_intervals') }}
),

final as (
    select
        counts.protocol_id,
        counts.arm_id,
        counts.arm_label,
        counts.n_patients,
        counts.n_patients_with_sae,
        {{ proportion('counts.n_patients_with_sae', 'counts.n_patients') }}
            as sae_rate,
        {{ wilson_low('counts.n_patients_with_sae', 'counts.n_patients') }}
            as wilson_low,
        {{ wilson_high('counts.n_patients_with_sae', 'counts.n_patients') }}
            as wilson_high,
        proportion_intervals.exact_low,
        proportion_intervals.exact_high,
        counts.n_sae_events,
        counts.n_deaths,
        counts.person_days,
        {{ rate_per_100_person_years(
            'counts.n_patients_with_sae', 'counts.person_days'
        ) }} as rate_per_100_person_years,
        {{ rate_per_100_person_years(
            'poisson_intervals.events_low', 'counts.person_days'
        ) }} as rate_low,
        {{ rate_per_100_person_years(
            'poisson_intervals.events_high', 'counts.person_days'
        ) }} as rate_high
    from counts
    left join proportion_intervals
        on
            counts.n_patients_with_sae = proportion_intervals.n_events
            and counts.n_patients = proportion_intervals.n_total
    left join poisson_intervals
        on counts.n_patients_with_sae = poisson_intervals.n_events
)

select * from final

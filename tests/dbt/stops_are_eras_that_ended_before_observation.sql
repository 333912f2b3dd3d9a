with eras as (
    select * from {{ ref('int_treatment_eras') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

outcomes as (
    select * from {{ ref('agg_treatment_after_stop') }}
),

stop_counts as (
    select
        eras.ingredient,
        count(*) as n_stops
    from eras
    inner join patients
        on eras.patient_id = patients.patient_id
    where eras.era_end_date < patients.observation_end_date
    group by eras.ingredient
),

outcome_counts as (
    select
        ingredient,
        sum(n_stops) as n_stops,
        sum(n_followed_up) as n_followed_up,
        max(n_stops_of_drug) as n_stops_of_drug,
        max(n_followed_up_of_drug) as n_followed_up_of_drug,
        sum(followed_up_share) as all_shares
    from outcomes
    group by ingredient
),

final as (
    select
        stop_counts.ingredient,
        stop_counts.n_stops,
        outcome_counts.ingredient as counted_ingredient,
        outcome_counts.n_stops as n_stops_counted
    from stop_counts
    full outer join outcome_counts
        on stop_counts.ingredient = outcome_counts.ingredient
    where
        stop_counts.n_stops is distinct from outcome_counts.n_stops
        or stop_counts.n_stops is distinct from outcome_counts.n_stops_of_drug
        or outcome_counts.n_followed_up
        is distinct from outcome_counts.n_followed_up_of_drug
        or (
            outcome_counts.n_followed_up_of_drug > 0
            and (abs(outcome_counts.all_shares - 1) < 1e-9) is not true
        )
)

select * from final

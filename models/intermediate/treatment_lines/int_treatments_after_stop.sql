with era_lines as (
    select * from {{ ref('int_era_lines') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

rules as (
    select * from {{ ref('treatment_path_rules') }}
),

counted as (
    select
        *,
        count(*) {{ over_days(
            'patient_id, ingredient', 'start_day', 'stop_day + 1', 'last_day_after_stop'
        ) }} as n_restarts,
        -- Of the eras begun on the stop's day or later, one is the era itself if it
        -- lasted for that day only.
        n_eras_begun_after_stop - case when stop_day = 0 then 1 else 0 end as n_begun
    from era_lines
),

stops as (
    select
        counted.patient_id,
        counted.ingredient,
        counted.era_start_date,
        counted.era_end_date as stop_date,
        counted.n_restarts > 0 as is_restart,
        counted.n_begun > counted.n_restarts as is_switch,
        counted.last_day_of_eras_begun > counted.era_end_date as is_on_other_drug,
        {{ add_days('counted.era_end_date', 'rules.after_stop_days') }}
        <= patients.observation_end_date as is_observed,
        coalesce(
            patients.known_death_date = patients.observation_end_date
            and {{ is_within_days_after(
                'patients.known_death_date',
                'counted.era_end_date',
                'rules.after_stop_days'
            ) }},
            false
        ) as is_death
    from counted
    inner join patients
        on counted.patient_id = patients.patient_id
    cross join rules
    where counted.era_end_date < patients.observation_end_date
),

final as (
    select
        patient_id,
        ingredient,
        era_start_date,
        stop_date,
        case
            when is_restart and is_switch then 'both'
            when is_restart then 'restart'
            when is_switch then 'switch'
            when is_death then 'died'
            when is_observed then 'untreated'
            else 'not_observed'
        end as outcome,
        is_observed or is_death as is_followed_up,
        is_on_other_drug
    from stops
)

select * from final

with eras as (
    select * from {{ ref('int_treatment_eras') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

numbered as (
    select
        *,
        {{ day_number('era_start_date') }} as start_day,
        -- Days after the era's start.
        {{ days_between('era_start_date', 'era_end_date') }} as stop_day,
        {{ days_between('era_start_date', 'era_end_date') }} + after_stop_days
            as last_day
    from eras
),

counted as (
    select
        patient_id,
        ingredient,
        era_start_date,
        era_end_date,
        {{ add_days('era_end_date', 'after_stop_days') }} as last_day_after_stop,
        count(*) {{ over_days(
            'patient_id', 'start_day', 'stop_day', 'last_day'
        ) }} as n_starts,
        max(era_end_date) {{ over_days(
            'patient_id', 'start_day', none, 'stop_day'
        ) }} as last_day_of_drugs_begun,
        count(*) {{ over_days(
            'patient_id, ingredient', 'start_day', 'stop_day', 'last_day'
        ) }} as n_starts_of_same_drug,
        count(*) {{ over_days(
            'patient_id, ingredient', 'start_day', 'stop_day + 1', 'last_day'
        ) }} as n_restarts
    from numbered
),

stops as (
    select
        counted.*,
        counted.n_restarts > 0 as is_restart,
        counted.n_starts > counted.n_starts_of_same_drug as is_switch,
        counted.last_day_of_drugs_begun > counted.era_end_date as is_on_other_drug,
        counted.last_day_after_stop <= patients.observation_end_date as is_observed,
        coalesce(
            patients.known_death_date = patients.observation_end_date
            and patients.known_death_date <= counted.last_day_after_stop,
            false
        ) as is_death
    from counted
    inner join patients
        on counted.patient_id = patients.patient_id
    where counted.era_end_date < patients.observation_end_date
),

final as (
    select
        patient_id,
        ingredient,
        era_start_date,
        era_end_date as stop_date,
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

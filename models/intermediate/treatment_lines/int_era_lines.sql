with eras as (
    select * from {{ ref('int_treatment_eras') }}
),

-- Days are counted from the first day of each era.
numbered as (
    select
        *,
        {{ day_number('era_start_date') }} as start_day,
        {{ days_between('era_start_date', 'era_end_date') }} as stop_day,
        {{ days_between('era_start_date', 'era_end_date') }} + after_stop_days
            as last_day_after_stop,
        -- A drug that begins by this day has the days of overlap; 0: none can.
        greatest(
            {{ inclusive_days('era_start_date', 'era_end_date') }}
            - combination_overlap_days,
            0
        ) as last_joining_day
    from eras
),

final as (
    select
        patient_id,
        ingredient,
        era_start_date,
        era_end_date,
        start_day,
        stop_day,
        last_day_after_stop,
        dense_rank() over (
            partition by patient_id
            order by start_day
        ) as line_number,
        count(*) {{ over_days('patient_id', 'start_day', none, '0') }} as n_eras_begun,
        count(*) {{ over_days('patient_id', 'start_day', '1', 'last_joining_day') }}
            as n_eras_joining,
        count(*) {{ over_days(
            'patient_id', 'start_day', 'stop_day', 'last_day_after_stop'
        ) }} as n_eras_begun_after_stop,
        max(era_end_date) {{ over_days('patient_id', 'start_day', none, 'stop_day') }}
            as last_day_of_eras_begun
    from numbered
)

select * from final

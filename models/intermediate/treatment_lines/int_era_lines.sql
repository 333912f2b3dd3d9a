with eras as (
    select * from {{ ref('int_treatment_eras') }}
),

numbered as (
    select
        *,
        {{ day_number('era_start_date') }} as start_day,
        -- The last day after the era's own start on which a drug may begin and still be
        -- given together with it; 0: none.
        greatest(
            {{ inclusive_days('era_start_date', 'era_end_date') }}
            - combination_overlap_days,
            0
        ) as last_joinable_day
    from eras
),

final as (
    select
        patient_id,
        ingredient,
        era_start_date,
        era_end_date,
        dense_rank() over (
            partition by patient_id
            order by start_day
        ) as line_number,
        count(*) {{ over_days('patient_id', 'start_day', none, 0) }} as n_eras_begun,
        count(*) {{ over_days('patient_id', 'start_day', 1, 'last_joinable_day') }}
            as n_eras_joining
    from numbered
)

select * from final

with accounted as (
    select * from {{ ref('int_patients_accounted') }}
),

accepted as (
    select
        *,
        {{ data_cutoff_date() }} as data_cutoff_date
    from accounted
    where disposition = 'accepted'
),

final as (
    select
        patient_id,
        row_number() over (order by patient_id) as patient_number,
        birth_date,
        sex,
        diagnosis,
        steroid_refractory,
        death_date,
        least(last_follow_up_date, death_date, data_cutoff_date)
            as observation_end_date,
        -- A death after the data cut-off is not known yet: docs/decisions/0005.
        case
            when data_cutoff_date is null or death_date <= data_cutoff_date
                then death_date
        end as known_death_date
    from accepted
)

select * from final

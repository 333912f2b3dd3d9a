with records as (
    select * from {{ input_relation('patients') }}
),

copies as (
    {{ numbered_copies('records', 'clinic', 'patients') }}
),

judged as (
    select
        line_number,
        patient_id,
        birth_date,
        sex,
        diagnosis,
        diagnosis_date,
        steroid_refractory,
        last_follow_up_date,
        death_date,
        copy_number,
        column_name,
        coalesce(
            reason,
            case
                when is_key_contradicted then 'duplicate_key'
                when birth_date > death_date then 'birth_after_death'
                when last_follow_up_date < birth_date then 'follow_up_before_birth'
            end
        ) as reason
    from copies
),

final as (
    select
        line_number,
        patient_id,
        birth_date,
        sex,
        diagnosis,
        diagnosis_date,
        steroid_refractory,
        last_follow_up_date,
        death_date,
        {{ disposition('reason', 'copy_number') }} as disposition,
        reason,
        coalesce(
            column_name,
            case reason
                when 'duplicate_key' then 'patient_id'
                when 'birth_after_death' then 'birth_date'
                when 'follow_up_before_birth' then 'last_follow_up_date'
            end
        ) as column_name
    from judged
)

select * from final

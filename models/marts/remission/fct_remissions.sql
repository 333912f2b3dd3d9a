with remissions as (
    select * from {{ ref('int_remissions') }}
),

final as (
    select
        protocol_id,
        arm_id,
        {{ as_text('patient_id') }} as patient_id,
        salvage_start_date,
        is_remission,
        remission_start_date,
        remission_end_date,
        loss_reason,
        is_censored,
        duration_days,
        {{ days_to_months('duration_days', 'days_per_month') }} as duration_months
    from remissions
)

select * from final

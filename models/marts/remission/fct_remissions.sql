with remissions as (
    select * from {{ ref('int_remissions') }}
),

failures as (
    select * from {{ ref('int_salvage_failures') }}
),

final as (
    select
        remissions.protocol_id,
        remissions.arm_id,
        {{ as_text('remissions.patient_id') }} as patient_id,
        remissions.salvage_start_date,
        remissions.is_remission,
        remissions.remission_start_date,
        remissions.remission_end_date,
        remissions.loss_reason,
        remissions.is_censored,
        remissions.duration_days,
        {{ days_to_months('remissions.duration_days', 'remissions.days_per_month') }}
            as duration_months,
        failures.colectomy_date
    from remissions
    inner join failures
        on
            remissions.protocol_id = failures.protocol_id
            and remissions.patient_id = failures.patient_id
)

select * from final

with episodes as (
    select * from {{ ref('int_analysis_episodes') }}
),

final as (
    select
        protocol_id,
        arm_id,
        patient_id,
        salvage_start_date,
        {{ risk_end_date(
            'salvage_end_date', 'ae_risk_window_days', 'observation_end_date'
        ) }} as risk_end_date
    from episodes
)

select * from final

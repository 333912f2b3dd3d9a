with adverse_events as (
    select * from {{ ref('int_adverse_events') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

risk_windows as (
    select * from {{ ref('int_risk_windows') }}
),

final as (
    select
        protocols.protocol_id,
        risk_windows.arm_id,
        adverse_events.patient_id,
        adverse_events.adverse_event_id,
        adverse_events.event_term,
        adverse_events.onset_date,
        adverse_events.severity_grade,
        adverse_events.is_serious,
        adverse_events.is_fatal,
        case
            when risk_windows.patient_id is null then 'not_in_cohort'
            when adverse_events.onset_date is null then 'no_onset_date'
            when adverse_events.onset_date < risk_windows.salvage_start_date
                then 'before_salvage'
            when adverse_events.onset_date <= risk_windows.risk_end_date
                then 'treatment_emergent'
            else 'after_risk_window'
        end as attribution
    from adverse_events
    cross join protocols
    left join risk_windows
        on
            protocols.protocol_id = risk_windows.protocol_id
            and adverse_events.patient_id = risk_windows.patient_id
)

select * from final

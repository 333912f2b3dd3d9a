with risk_windows as (
    select * from {{ ref('int_risk_windows') }}
),

attributions as (
    select * from {{ ref('int_adverse_event_attributions') }}
),

emergent as (
    select
        protocol_id,
        patient_id,
        sum(case when is_serious then 1 else 0 end) as n_serious_events,
        max(case when is_fatal then 1 else 0 end) as n_deaths,
        min(case when is_serious then onset_date end) as first_serious_onset_date
    from attributions
    where attribution = 'treatment_emergent'
    group by protocol_id, patient_id
),

final as (
    select
        risk_windows.protocol_id,
        risk_windows.arm_id,
        risk_windows.patient_id,
        coalesce(emergent.n_serious_events, 0) as n_serious_events,
        coalesce(emergent.n_serious_events > 0, false) as has_serious_event,
        coalesce(emergent.n_deaths, 0) as n_deaths,
        {{ inclusive_days(
            'risk_windows.salvage_start_date',
            'least(emergent.first_serious_onset_date, risk_windows.risk_end_date)'
        ) }} as person_days
    from risk_windows
    left join emergent
        on
            risk_windows.protocol_id = emergent.protocol_id
            and risk_windows.patient_id = emergent.patient_id
)

select * from final

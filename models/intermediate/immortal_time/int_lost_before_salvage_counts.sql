with reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

eras_at_risk as (
    select * from {{ ref('int_failed_eras_at_risk') }}
),

episodes as (
    select * from {{ ref('int_salvage_episodes') }}
),

events as (
    select * from {{ ref('int_events_before_salvage') }}
),

at_risk as (
    select distinct
        protocol_id,
        arm_id,
        patient_id
    from eras_at_risk
),

salvaged as (
    select distinct
        protocol_id,
        arm_id,
        patient_id
    from episodes
    where salvage_class = 'acute_salvage' and meets_failure_rule
),

-- A patient counts once in each arm, and once in `all`.
reported as (
    select
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.arm_label,
        at_risk.patient_id,
        max(salvaged.patient_id) is not null as is_salvaged,
        min(events.death_date) as death_date,
        min(events.colectomy_date) as colectomy_date
    from reporting_arms
    left join at_risk
        on
            reporting_arms.protocol_id = at_risk.protocol_id
            and reporting_arms.member_arm_id = at_risk.arm_id
    left join salvaged
        on
            at_risk.protocol_id = salvaged.protocol_id
            and at_risk.arm_id = salvaged.arm_id
            and at_risk.patient_id = salvaged.patient_id
    left join events
        on
            at_risk.protocol_id = events.protocol_id
            and at_risk.arm_id = events.arm_id
            and at_risk.patient_id = events.patient_id
    group by
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.arm_label,
        at_risk.patient_id
),

-- The first event counts; on one day it is death (SPEC 4).
classified as (
    select
        protocol_id,
        arm_id,
        arm_label,
        patient_id,
        case
            when is_salvaged then 'salvaged'
            when death_date = least(death_date, colectomy_date) then 'died'
            when colectomy_date is not null then 'colectomy'
        end as outcome
    from reported
),

final as (
    select
        protocol_id,
        arm_id,
        arm_label,
        cast(count(patient_id) as integer) as n_at_risk,
        cast(sum(case when outcome = 'salvaged' then 1 else 0 end) as integer)
            as n_salvaged,
        cast(sum(case when outcome = 'died' then 1 else 0 end) as integer) as n_died,
        cast(sum(case when outcome = 'colectomy' then 1 else 0 end) as integer)
            as n_colectomy
    from classified
    group by protocol_id, arm_id, arm_label
)

select * from final

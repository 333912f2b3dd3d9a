with reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

serious_event_counts as (
    select * from {{ ref('int_serious_event_counts') }}
),

attributions as (
    select * from {{ ref('int_adverse_event_attributions') }}
),

-- One event, written with or without capitals.
serious_events as (
    select
        protocol_id,
        arm_id,
        patient_id,
        lower(event_term) as event_term
    from attributions
    where
        is_serious
        and attribution = 'treatment_emergent'
),

terms as (
    select distinct
        protocol_id,
        event_term
    from serious_events
),

counts as (
    select
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        serious_events.event_term,
        count(distinct serious_events.patient_id) as n_patients_with_event,
        count(*) as n_events
    from reporting_arms
    inner join serious_events
        on
            reporting_arms.protocol_id = serious_events.protocol_id
            and reporting_arms.member_arm_id = serious_events.arm_id
    group by
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        serious_events.event_term
),

-- An arm in which nobody had the event is counted 0, not left out: arms are compared.
final as (
    select
        serious_event_counts.protocol_id,
        serious_event_counts.arm_id,
        serious_event_counts.arm_label,
        terms.event_term,
        serious_event_counts.n_patients,
        cast(coalesce(counts.n_patients_with_event, 0) as integer)
            as n_patients_with_event,
        cast(coalesce(counts.n_events, 0) as integer) as n_events
    from serious_event_counts
    inner join terms
        on serious_event_counts.protocol_id = terms.protocol_id
    left join counts
        on
            serious_event_counts.protocol_id = counts.protocol_id
            and serious_event_counts.arm_id = counts.arm_id
            and terms.event_term = counts.event_term
)

select * from final

with reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

serious_event_times as (
    select * from {{ ref('int_serious_event_times') }}
),

final as (
    select
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.arm_label,
        cast(count(serious_event_times.patient_id) as integer) as n_patients,
        cast(
            count(*) filter (where serious_event_times.has_serious_event) as integer
        ) as n_patients_with_sae,
        cast(
            coalesce(sum(serious_event_times.n_serious_events), 0) as integer
        ) as n_sae_events,
        cast(coalesce(sum(serious_event_times.n_deaths), 0) as integer) as n_deaths,
        cast(coalesce(sum(serious_event_times.person_days), 0) as bigint) as person_days
    from reporting_arms
    left join serious_event_times
        on
            reporting_arms.protocol_id = serious_event_times.protocol_id
            and reporting_arms.member_arm_id = serious_event_times.arm_id
    group by
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.arm_label
)

select * from final

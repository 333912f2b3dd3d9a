with reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

analysis_episodes as (
    select * from {{ ref('int_analysis_episodes') }}
),

salvage_episodes as (
    select * from {{ ref('int_salvage_episodes') }}
),

failures as (
    select * from {{ ref('int_salvage_failures') }}
),

attributions as (
    select * from {{ ref('int_adverse_event_attributions') }}
),

with_emergent_event as (
    select distinct
        protocol_id,
        patient_id
    from attributions
    where attribution = 'treatment_emergent'
),

courses as (
    select
        analysis_episodes.protocol_id,
        analysis_episodes.arm_id,
        analysis_episodes.patient_id,
        salvage_episodes.gap_days,
        {{ days_between(
            'analysis_episodes.salvage_start_date',
            'analysis_episodes.observation_end_date'
        ) }} as follow_up_days,
        failures.colectomy_date,
        failures.death_date,
        with_emergent_event.patient_id as patient_with_emergent_event
    from analysis_episodes
    inner join salvage_episodes
        on
            analysis_episodes.protocol_id = salvage_episodes.protocol_id
            and analysis_episodes.arm_id = salvage_episodes.arm_id
            and analysis_episodes.patient_id = salvage_episodes.patient_id
            and analysis_episodes.salvage_start_date
            = salvage_episodes.salvage_start_date
    inner join failures
        on
            analysis_episodes.protocol_id = failures.protocol_id
            and analysis_episodes.patient_id = failures.patient_id
    left join with_emergent_event
        on
            analysis_episodes.protocol_id = with_emergent_event.protocol_id
            and analysis_episodes.patient_id = with_emergent_event.patient_id
),

final as (
    select
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        cast(count(courses.patient_id) as integer) as n_patients,
        cast(count(courses.colectomy_date) as integer) as n_colectomies,
        cast(count(courses.death_date) as integer) as n_deaths,
        cast(
            count(courses.patient_with_emergent_event) as integer
        ) as n_patients_with_ae,
        percentile_cont(0.5) within group (
            order by courses.gap_days
        ) as median_gap_days,
        percentile_cont(0.5) within group (
            order by courses.follow_up_days
        ) as median_follow_up_days,
        reporting_arms.days_per_month
    from reporting_arms
    left join courses
        on
            reporting_arms.protocol_id = courses.protocol_id
            and reporting_arms.member_arm_id = courses.arm_id
    group by
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.days_per_month
)

select * from final

with trace as (
    select * from {{ ref('fct_decision_trace') }}
),

episodes as (
    select * from {{ ref('fct_salvage_episodes') }}
),

traced as (
    select *
    from trace
    where rule = 'within_salvage_window' and outcome is distinct from 'not_met'
),

analysis_episodes as (
    select *
    from episodes
    where is_in_analysis_set is not false
),

final as (
    select
        analysis_episodes.protocol_id,
        analysis_episodes.patient_id,
        analysis_episodes.arm_id,
        traced.protocol_id as traced_protocol_id,
        traced.patient_id as traced_patient_id,
        traced.arm_id as traced_arm_id
    from analysis_episodes
    full outer join traced
        on
            analysis_episodes.protocol_id = traced.protocol_id
            and analysis_episodes.patient_id = traced.patient_id
    where
        analysis_episodes.arm_id is distinct from traced.arm_id
        or analysis_episodes.failed_era_start_date
        is distinct from traced.failed_era_start_date
        or analysis_episodes.failed_era_end_date
        is distinct from traced.failed_era_end_date
        or analysis_episodes.salvage_start_date
        is distinct from traced.salvage_start_date
        or analysis_episodes.gap_days is distinct from traced.gap_days
)

select * from final

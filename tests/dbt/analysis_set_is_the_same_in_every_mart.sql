with episodes as (
    select * from {{ ref('fct_salvage_episodes') }}
),

remissions as (
    select * from {{ ref('fct_remissions') }}
),

analysis_episodes as (
    select
        protocol_id,
        arm_id,
        patient_id,
        salvage_start_date
    from episodes
    -- "is not false": an episode of which nobody knows whether it counts must fail too.
    where is_in_analysis_set is not false
),

final as (
    select
        analysis_episodes.protocol_id,
        analysis_episodes.arm_id,
        analysis_episodes.patient_id,
        analysis_episodes.salvage_start_date,
        remissions.protocol_id as remission_protocol_id,
        remissions.arm_id as remission_arm_id,
        remissions.patient_id as remission_patient_id,
        remissions.salvage_start_date as remission_salvage_start_date
    from analysis_episodes
    full outer join remissions
        on
            analysis_episodes.protocol_id = remissions.protocol_id
            and analysis_episodes.arm_id = remissions.arm_id
            and analysis_episodes.patient_id = remissions.patient_id
            and analysis_episodes.salvage_start_date = remissions.salvage_start_date
    where
        analysis_episodes.patient_id is null
        or remissions.patient_id is null
)

select * from final

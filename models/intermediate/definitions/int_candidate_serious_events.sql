with episodes as (
    select * from {{ ref('int_candidate_episodes') }}
),

adverse_events as (
    select * from {{ ref('int_adverse_events') }}
),

serious_onsets as (
    select
        patient_id,
        onset_date
    from adverse_events
    where is_serious
),

final as (
    select distinct
        episodes.protocol_id,
        episodes.arm_id,
        episodes.patient_id,
        episodes.salvage_start_date
    from episodes
    inner join serious_onsets
        on
            episodes.patient_id = serious_onsets.patient_id
            and episodes.salvage_start_date <= serious_onsets.onset_date
    where
        serious_onsets.onset_date <= {{ risk_end_date(
            'episodes.salvage_end_date',
            'episodes.ae_risk_window_days',
            'episodes.observation_end_date'
        ) }}
)

select * from final

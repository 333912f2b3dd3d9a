with episodes as (
    select * from {{ ref('int_salvage_episodes') }}
),

analysis_episodes as (
    select * from {{ ref('int_analysis_episodes') }}
),

final as (
    select
        episodes.protocol_id,
        episodes.arm_id,
        {{ as_text('episodes.patient_id') }} as patient_id,
        episodes.failed_era_start_date,
        episodes.failed_era_end_date,
        episodes.salvage_start_date,
        episodes.salvage_end_date,
        episodes.gap_days,
        episodes.salvage_class,
        episodes.is_first_drug_failed,
        analysis_episodes.patient_id is not null as is_in_analysis_set
    from episodes
    left join analysis_episodes
        on
            episodes.protocol_id = analysis_episodes.protocol_id
            and episodes.arm_id = analysis_episodes.arm_id
            and episodes.patient_id = analysis_episodes.patient_id
            and episodes.salvage_start_date = analysis_episodes.salvage_start_date
)

select * from final

with protocols as (
    select * from {{ ref('int_protocols') }}
),

episodes as (
    select * from {{ ref('fct_salvage_episodes') }}
),

remissions as (
    select * from {{ ref('fct_remissions') }}
),

attrition as (
    select * from {{ ref('agg_cohort_attrition') }}
),

remission_by_arm as (
    select * from {{ ref('agg_remission_by_arm') }}
),

adverse_events_by_arm as (
    select * from {{ ref('agg_adverse_events_by_arm') }}
),

episode_counts as (
    select
        protocol_id,
        count(*) as n_episodes
    from episodes
    where is_in_analysis_set is not false
    group by protocol_id
),

remission_counts as (
    select
        protocol_id,
        count(*) as n_episodes,
        sum(case when is_remission then 1 else 0 end) as n_remissions
    from remissions
    group by protocol_id
),

-- The last step leaves the fewest in.
attrition_counts as (
    select
        protocol_id,
        min(n_remaining) as n_patients
    from attrition
    group by protocol_id
),

joined as (
    select
        protocols.protocol_id,
        coalesce(episode_counts.n_episodes, 0) as n_analysis_episodes,
        coalesce(remission_counts.n_episodes, 0) as n_rows_of_remission,
        coalesce(remission_counts.n_remissions, 0) as n_remissions,
        attrition_counts.n_patients as n_patients_after_last_step,
        remission_by_arm.n_patients as n_patients_in_remission_by_arm,
        remission_by_arm.n_remissions as n_remissions_in_remission_by_arm,
        adverse_events_by_arm.n_patients as n_patients_in_adverse_events_by_arm
    from protocols
    left join episode_counts
        on protocols.protocol_id = episode_counts.protocol_id
    left join remission_counts
        on protocols.protocol_id = remission_counts.protocol_id
    left join attrition_counts
        on protocols.protocol_id = attrition_counts.protocol_id
    left join remission_by_arm
        on
            protocols.protocol_id = remission_by_arm.protocol_id
            and remission_by_arm.arm_id = 'all'
    left join adverse_events_by_arm
        on
            protocols.protocol_id = adverse_events_by_arm.protocol_id
            and adverse_events_by_arm.arm_id = 'all'
),

final as (
    select *
    from joined
    where
        n_rows_of_remission is distinct from n_analysis_episodes
        or n_patients_after_last_step is distinct from n_analysis_episodes
        or n_patients_in_remission_by_arm is distinct from n_analysis_episodes
        or n_patients_in_adverse_events_by_arm is distinct from n_analysis_episodes
        or n_remissions_in_remission_by_arm is distinct from n_remissions
)

select * from final

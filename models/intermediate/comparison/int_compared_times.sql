with pairs as (
    select * from {{ ref('int_arm_pairs') }}
),

survival_times as (
    select * from {{ ref('int_survival_times') }}
),

outcomes as (
    select 'remission' as outcome
    union all
    select 'colectomy_free' as outcome
),

counts as (
    select
        protocol_id,
        arm_id,
        outcome,
        count(*) as n_patients,
        sum(case when is_event then 1 else 0 end) as n_events
    from survival_times
    group by protocol_id, arm_id, outcome
),

-- An arm in which nobody is followed has no times and keeps its pair.
final as (
    select
        pairs.protocol_id,
        outcomes.outcome,
        pairs.arm_id,
        pairs.other_arm_id,
        coalesce(counts.n_patients, 0) as n_patients,
        coalesce(other_counts.n_patients, 0) as other_n_patients,
        coalesce(counts.n_events, 0) as n_events,
        coalesce(other_counts.n_events, 0) as other_n_events
    from pairs
    cross join outcomes
    left join counts
        on
            pairs.protocol_id = counts.protocol_id
            and pairs.arm_id = counts.arm_id
            and outcomes.outcome = counts.outcome
    left join counts as other_counts
        on
            pairs.protocol_id = other_counts.protocol_id
            and pairs.other_arm_id = other_counts.arm_id
            and outcomes.outcome = other_counts.outcome
)

select * from final

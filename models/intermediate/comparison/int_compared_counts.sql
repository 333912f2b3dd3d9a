with pairs as (
    select * from {{ ref('int_arm_pairs') }}
),

remission_counts as (
    select * from {{ ref('int_remission_counts') }}
),

serious_event_counts as (
    select * from {{ ref('int_serious_event_counts') }}
),

counts as (
    select
        protocol_id,
        arm_id,
        'remission' as outcome,
        n_patients,
        n_remissions as n_events
    from remission_counts
    union all
    select
        protocol_id,
        arm_id,
        'serious_adverse_event' as outcome,
        n_patients,
        n_patients_with_sae as n_events
    from serious_event_counts
),

final as (
    select
        pairs.protocol_id,
        counts.outcome,
        pairs.arm_id,
        pairs.other_arm_id,
        counts.n_patients,
        other_counts.n_patients as other_n_patients,
        counts.n_events,
        other_counts.n_events as other_n_events
    from pairs
    inner join counts
        on
            pairs.protocol_id = counts.protocol_id
            and pairs.arm_id = counts.arm_id
    inner join counts as other_counts
        on
            pairs.protocol_id = other_counts.protocol_id
            and pairs.other_arm_id = other_counts.arm_id
            and counts.outcome = other_counts.outcome
)

select * from final

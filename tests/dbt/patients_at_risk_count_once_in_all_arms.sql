with lost_before_salvage as (
    select * from {{ ref('agg_lost_before_salvage') }}
),

all_arms as (
    select *
    from lost_before_salvage
    where arm_id = 'all'
),

arms as (
    select
        protocol_id,
        max(n_at_risk) as most_at_risk,
        sum(n_at_risk) as sum_at_risk
    from lost_before_salvage
    where arm_id <> 'all'
    group by protocol_id
),

final as (
    select
        arms.protocol_id,
        arms.most_at_risk,
        arms.sum_at_risk,
        all_arms.n_at_risk
    from arms
    full outer join all_arms
        on arms.protocol_id = all_arms.protocol_id
    where
        (
            arms.most_at_risk <= all_arms.n_at_risk
            and all_arms.n_at_risk <= arms.sum_at_risk
        ) is not true
)

select * from final

-- An arm reports a direction iff its patients come from the direction's pairs of drugs,
-- all of them and no other: what is pooled there is pooled here.
with directions as (
    select * from {{ ref('salvage_directions') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

direction_sizes as (
    select
        direction,
        count(*) as n_pairs
    from directions
    group by direction
),

-- The same pair of drugs may stand in two arms, which differ by their windows.
arm_pairs as (
    select
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        arms.failed_ingredient,
        arms.salvage_ingredient,
        min(arms.window_days) as shortest_window_days,
        max(arms.window_days) as longest_window_days
    from reporting_arms
    inner join arms
        on
            reporting_arms.protocol_id = arms.protocol_id
            and reporting_arms.member_arm_id = arms.arm_id
    group by
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        arms.failed_ingredient,
        arms.salvage_ingredient
),

arm_sizes as (
    select
        protocol_id,
        arm_id,
        count(*) as n_pairs
    from arm_pairs
    group by protocol_id, arm_id
),

common_pairs as (
    select
        directions.direction,
        arm_pairs.protocol_id,
        arm_pairs.arm_id,
        count(*) as n_pairs,
        min(arm_pairs.shortest_window_days) as shortest_window_days,
        max(arm_pairs.longest_window_days) as longest_window_days
    from directions
    inner join arm_pairs
        on
            directions.failed_ingredient = arm_pairs.failed_ingredient
            and directions.salvage_ingredient = arm_pairs.salvage_ingredient
    group by directions.direction, arm_pairs.protocol_id, arm_pairs.arm_id
),

-- A direction of one pair is reported by the arms of that pair, a mixed one by `all`.
judged as (
    select
        common_pairs.direction,
        common_pairs.protocol_id,
        common_pairs.arm_id,
        common_pairs.shortest_window_days,
        common_pairs.longest_window_days,
        (common_pairs.arm_id = 'all') = (direction_sizes.n_pairs > 1)
        and common_pairs.n_pairs = arm_sizes.n_pairs
        and common_pairs.n_pairs = direction_sizes.n_pairs as is_match,
        common_pairs.n_pairs = direction_sizes.n_pairs as has_every_pair
    from common_pairs
    inner join direction_sizes
        on common_pairs.direction = direction_sizes.direction
    inner join arm_sizes
        on
            common_pairs.protocol_id = arm_sizes.protocol_id
            and common_pairs.arm_id = arm_sizes.arm_id
),

matches as (
    select * from judged
    where is_match
),

complete as (
    select distinct
        protocol_id,
        direction
    from judged
    where has_every_pair
),

final as (
    select
        protocols.protocol_id,
        direction_sizes.direction,
        matches.arm_id,
        matches.shortest_window_days,
        matches.longest_window_days,
        case
            when matches.arm_id is not null then null
            when complete.direction is null then 'direction_not_in_protocol'
            else 'other_directions_in_protocol'
        end as not_matched_reason
    from protocols
    cross join direction_sizes
    left join matches
        on
            protocols.protocol_id = matches.protocol_id
            and direction_sizes.direction = matches.direction
    left join complete
        on
            protocols.protocol_id = complete.protocol_id
            and direction_sizes.direction = complete.direction
)

select * from final

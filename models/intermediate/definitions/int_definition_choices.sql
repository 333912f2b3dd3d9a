with listed as (
    select * from {{ ref('definition_choices') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

-- One window for all arms where they have the same one, else each arm's own.
arm_windows as (
    select
        protocol_id,
        case
            when min(window_days) = max(window_days)
                then cast(min(window_days) as {{ dbt.type_string() }})
            else 'arm'
        end as choice
    from arms
    group by protocol_id
),

own as (
    select
        protocol_id,
        'window_days' as dimension,
        choice
    from arm_windows
    union all
    select
        protocol_id,
        'is_window_inclusive' as dimension,
        'true' as choice
    from protocols
    union all
    select
        protocol_id,
        'max_overlap_days' as dimension,
        cast(max_overlap_days as {{ dbt.type_string() }}) as choice
    from protocols
    union all
    select
        protocol_id,
        'require_failure' as dimension,
        case when require_failure then 'true' else 'false' end as choice
    from protocols
    union all
    select
        protocol_id,
        'remission_within_days' as dimension,
        coalesce(cast(remission_within_days as {{ dbt.type_string() }}), 'any')
            as choice
    from protocols
),

-- A choice that is both listed and the protocol's own is one.
combined as (
    select
        protocols.protocol_id,
        listed.dimension,
        listed.choice,
        false as is_own
    from protocols
    cross join listed
    union all
    select
        protocol_id,
        dimension,
        choice,
        true as is_own
    from own
),

final as (
    select
        protocol_id,
        dimension,
        choice,
        bool_or(is_own) as is_own
    from combined
    group by
        protocol_id,
        dimension,
        choice
)

select * from final

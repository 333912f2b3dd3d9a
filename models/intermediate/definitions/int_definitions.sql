with choices as (
    select * from {{ ref('int_definition_choices') }}
),

{% for relation, dimension in [
    ('windows', 'window_days'),
    ('boundaries', 'is_window_inclusive'),
    ('overlap_limits', 'max_overlap_days'),
    ('failure_rules', 'require_failure'),
    ('remission_limits', 'remission_within_days'),
] -%}
{{ relation }} as (
    select
        protocol_id,
        choice,
        is_own
    from choices
    where dimension = '{{ dimension }}'
),

{% endfor -%}
crossed as (
    select
        windows.protocol_id,
        windows.choice as window_choice,
        boundaries.choice as boundary_choice,
        overlap_limits.choice as overlap_choice,
        failure_rules.choice as failure_choice,
        remission_limits.choice as remission_choice,
        windows.is_own
        and boundaries.is_own
        and overlap_limits.is_own
        and failure_rules.is_own
        and remission_limits.is_own as is_protocol_definition
    from windows
    inner join boundaries
        on windows.protocol_id = boundaries.protocol_id
    inner join overlap_limits
        on windows.protocol_id = overlap_limits.protocol_id
    inner join failure_rules
        on windows.protocol_id = failure_rules.protocol_id
    inner join remission_limits
        on windows.protocol_id = remission_limits.protocol_id
),

typed as (
    select
        protocol_id,
        'window=' || window_choice
        || ',inclusive=' || boundary_choice
        || ',overlap=' || overlap_choice
        || ',failure=' || failure_choice
        || ',remission=' || remission_choice as definition_id,
        window_choice = 'arm' as has_arm_windows,
        case
            when window_choice <> 'arm' then cast(window_choice as integer)
        end as window_days,
        boundary_choice = 'true' as is_window_inclusive,
        cast(overlap_choice as integer) as max_overlap_days,
        failure_choice = 'true' as require_failure,
        case
            when remission_choice <> 'any' then cast(remission_choice as integer)
        end as remission_within_days,
        is_protocol_definition
    from crossed
),

-- Gaps are whole days: below a limit is at most the day before it.
final as (
    select
        *,
        coalesce(window_days, 0)
        - case when is_window_inclusive then 0 else 1 end as last_window_day
    from typed
)

select * from final

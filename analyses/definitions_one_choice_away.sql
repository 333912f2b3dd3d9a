-- The protocol's own definition, and those that differ from it in one choice.
-- Runs as it stands on the published file (published/salvage.duckdb). How to read it:
-- docs/definitions.md.
with own as (
    select * from marts.agg_definition_sensitivity
    where is_protocol_definition
),

compared as (
    select
        definitions.*,
        case
            when
                coalesce(definitions.window_days, -1) = coalesce(own.window_days, -1)
                and definitions.has_arm_windows = own.has_arm_windows then 0
            else 1
        end as has_other_window,
        case
            when definitions.is_window_inclusive = own.is_window_inclusive then 0 else 1
        end as has_other_boundary,
        case
            when definitions.max_overlap_days = own.max_overlap_days then 0 else 1
        end as has_other_overlap,
        case
            when definitions.require_failure = own.require_failure then 0 else 1
        end as has_other_failure_rule,
        case
            when
                coalesce(definitions.remission_within_days, -1)
                = coalesce(own.remission_within_days, -1) then 0
            else 1
        end as has_other_limit
    from marts.agg_definition_sensitivity as definitions
    inner join own
        on
            definitions.protocol_id = own.protocol_id
            and definitions.arm_id = own.arm_id
)

select
    protocol_id,
    arm_label,
    case
        when is_protocol_definition then 'the protocol'
        when has_other_window = 1 then 'window'
        when has_other_boundary = 1 then 'last day of the window'
        when has_other_overlap = 1 then 'overlap'
        when has_other_failure_rule = 1 then 'failure'
        else 'remission limit'
    end as changed,
    definition_id,
    n_patients,
    n_remissions,
    round(100 * remission_rate, 1) as remission_percent,
    round(100 * wilson_low, 1) as wilson_low_percent,
    round(100 * wilson_high, 1) as wilson_high_percent,
    n_patients_with_sae,
    round(100 * sae_rate, 1) as sae_percent
from compared
where
    has_other_window
    + has_other_boundary
    + has_other_overlap
    + has_other_failure_rule
    + has_other_limit <= 1
order by
    protocol_id,
    arm_id = 'all',
    arm_label,
    not is_protocol_definition,
    changed,
    window_days,
    max_overlap_days,
    remission_within_days nulls last

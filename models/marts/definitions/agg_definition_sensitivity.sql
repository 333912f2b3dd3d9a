with counts as (
    select * from {{ ref('int_definition_counts') }}
),

definitions as (
    select * from {{ ref('int_definitions') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

final as (
    select
        counts.protocol_id,
        counts.arm_id,
        counts.arm_label,
        counts.definition_id,
        definitions.has_arm_windows,
        case
            when definitions.has_arm_windows then arms.window_days
            else definitions.window_days
        end as window_days,
        definitions.is_window_inclusive,
        definitions.max_overlap_days,
        definitions.require_failure,
        definitions.remission_within_days,
        definitions.is_protocol_definition,
        counts.n_patients,
        counts.n_remissions,
        {{ proportion('counts.n_remissions', 'counts.n_patients') }}
            as remission_rate,
        {{ wilson_low('counts.n_remissions', 'counts.n_patients') }} as wilson_low,
        {{ wilson_high('counts.n_remissions', 'counts.n_patients') }} as wilson_high,
        counts.n_patients_with_sae,
        {{ proportion('counts.n_patients_with_sae', 'counts.n_patients') }}
            as sae_rate,
        {{ wilson_low('counts.n_patients_with_sae', 'counts.n_patients') }}
            as sae_wilson_low,
        {{ wilson_high('counts.n_patients_with_sae', 'counts.n_patients') }}
            as sae_wilson_high
    from counts
    inner join definitions
        on
            counts.protocol_id = definitions.protocol_id
            and counts.definition_id = definitions.definition_id
    -- `all` is no arm: where arms have their own windows, it has no window.
    left join arms
        on
            counts.protocol_id = arms.protocol_id
            and counts.arm_id = arms.arm_id
)

select * from final

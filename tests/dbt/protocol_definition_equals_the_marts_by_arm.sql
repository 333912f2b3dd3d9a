with definitions as (
    select * from {{ ref('agg_definition_sensitivity') }}
),

remission_by_arm as (
    select * from {{ ref('agg_remission_by_arm') }}
),

adverse_events_by_arm as (
    select * from {{ ref('agg_adverse_events_by_arm') }}
),

own as (
    select * from definitions
    where is_protocol_definition is not false
),

own_counts as (
    select
        protocol_id,
        arm_id,
        count(*) as n_rows
    from own
    group by
        protocol_id,
        arm_id
),

joined as (
    select
        own.protocol_id,
        own.arm_id,
        own.is_protocol_definition,
        own.n_patients,
        own.n_remissions,
        own.remission_rate,
        own.wilson_low,
        own.wilson_high,
        own.n_patients_with_sae,
        own.sae_rate,
        own.sae_wilson_low,
        own.sae_wilson_high,
        own_counts.n_rows,
        remission_by_arm.protocol_id as protocol_id_by_arm,
        remission_by_arm.arm_id as arm_id_by_arm,
        remission_by_arm.n_patients as n_patients_by_arm,
        remission_by_arm.n_remissions as n_remissions_by_arm,
        remission_by_arm.remission_rate as remission_rate_by_arm,
        remission_by_arm.wilson_low as wilson_low_by_arm,
        remission_by_arm.wilson_high as wilson_high_by_arm,
        adverse_events_by_arm.n_patients as n_patients_by_arm_of_events,
        adverse_events_by_arm.n_patients_with_sae as n_patients_with_sae_by_arm,
        adverse_events_by_arm.sae_rate as sae_rate_by_arm,
        adverse_events_by_arm.wilson_low as sae_wilson_low_by_arm,
        adverse_events_by_arm.wilson_high as sae_wilson_high_by_arm
    from own
    full outer join remission_by_arm
        on
            own.protocol_id = remission_by_arm.protocol_id
            and own.arm_id = remission_by_arm.arm_id
    left join adverse_events_by_arm
        on
            remission_by_arm.protocol_id = adverse_events_by_arm.protocol_id
            and remission_by_arm.arm_id = adverse_events_by_arm.arm_id
    left join own_counts
        on
            own.protocol_id = own_counts.protocol_id
            and own.arm_id = own_counts.arm_id
),

final as (
    select *
    from joined
    where
        n_rows is distinct from 1
        or protocol_id is null
        or is_protocol_definition is null
        or protocol_id is distinct from protocol_id_by_arm
        or arm_id is distinct from arm_id_by_arm
        or n_patients is distinct from n_patients_by_arm
        or n_patients is distinct from n_patients_by_arm_of_events
        or n_remissions is distinct from n_remissions_by_arm
        or remission_rate is distinct from remission_rate_by_arm
        or wilson_low is distinct from wilson_low_by_arm
        or wilson_high is distinct from wilson_high_by_arm
        or n_patients_with_sae is distinct from n_patients_with_sae_by_arm
        or sae_rate is distinct from sae_rate_by_arm
        or sae_wilson_low is distinct from sae_wilson_low_by_arm
        or sae_wilson_high is distinct from sae_wilson_high_by_arm
)

select * from final

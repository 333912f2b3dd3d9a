with at_risk as (
    select * from {{ ref('int_failed_eras_at_risk') }}
),

eras as (
    select * from {{ ref('int_drug_eras') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

-- The drugs that the protocol gives after the failed one, in whichever arm: who got one
-- was not lost for want of another.
alternates as (
    select distinct
        protocol_id,
        failed_ingredient,
        salvage_ingredient
    from arms
),

-- Begun too early, in an overlap, the alternate drug was given all the same: such a
-- patient did not wait for it.
given_alternate as (
    select distinct
        at_risk.protocol_id,
        at_risk.arm_id,
        at_risk.patient_id,
        at_risk.failed_era_start_date
    from at_risk
    inner join alternates
        on
            at_risk.protocol_id = alternates.protocol_id
            and at_risk.failed_ingredient = alternates.failed_ingredient
    inner join eras
        on
            at_risk.patient_id = eras.patient_id
            and alternates.salvage_ingredient = eras.ingredient
            and at_risk.failed_era_start_date < eras.era_start_date
            and eras.era_start_date
            <= {{ add_days('at_risk.failed_era_end_date', 'at_risk.window_days') }}
),

final as (
    select
        at_risk.protocol_id,
        at_risk.arm_id,
        at_risk.patient_id,
        at_risk.failed_era_start_date,
        at_risk.failed_era_end_date,
        at_risk.window_days
    from at_risk
    left join given_alternate
        on
            at_risk.protocol_id = given_alternate.protocol_id
            and at_risk.arm_id = given_alternate.arm_id
            and at_risk.patient_id = given_alternate.patient_id
            and at_risk.failed_era_start_date = given_alternate.failed_era_start_date
    where given_alternate.patient_id is null
)

select * from final

with arms as (
    select * from {{ ref('int_protocol_arms') }}
),

eras as (
    select * from {{ ref('int_drug_eras') }}
),

-- Every era of the salvage drug with every earlier era of the failed drug.
candidates as (
    select
        arms.protocol_id,
        arms.arm_id,
        salvage_eras.patient_id,
        arms.failed_ingredient,
        failed_eras.era_start_date as failed_era_start_date,
        failed_eras.era_end_date as failed_era_end_date,
        failed_eras.last_stop_reason as failed_era_stop_reason,
        salvage_eras.era_start_date as salvage_start_date,
        salvage_eras.era_end_date as salvage_end_date,
        arms.window_days,
        arms.max_overlap_days,
        arms.require_failure
    from arms
    inner join eras as salvage_eras
        on arms.salvage_ingredient = salvage_eras.ingredient
    inner join eras as failed_eras
        on
            arms.failed_ingredient = failed_eras.ingredient
            and salvage_eras.patient_id = failed_eras.patient_id
            and salvage_eras.era_start_date > failed_eras.era_start_date
),

ranked as (
    select
        *,
        row_number() over (
            partition by protocol_id, arm_id, patient_id, salvage_start_date
            order by failed_era_start_date desc
        ) as recency
    from candidates
),

final as (
    select
        protocol_id,
        arm_id,
        patient_id,
        failed_ingredient,
        failed_era_start_date,
        failed_era_end_date,
        failed_era_stop_reason,
        salvage_start_date,
        salvage_end_date,
        {{ days_between('failed_era_end_date', 'salvage_start_date') }} as gap_days,
        window_days,
        max_overlap_days,
        require_failure
    from ranked
    where recency = 1
)

select * from final

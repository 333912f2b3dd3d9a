with arms as (
    select * from {{ ref('int_protocol_arms') }}
),

eras as (
    select * from {{ ref('int_drug_eras') }}
),

-- Eras of one ingredient do not overlap: the first to begin is the first to end.
by_arm as (
    select
        arms.protocol_id,
        arms.arm_id,
        eras.patient_id,
        arms.failed_ingredient,
        arms.salvage_ingredient,
        min(eras.era_start_date) as failed_era_start_date,
        min(eras.era_end_date) as failed_era_end_date
    from arms
    inner join eras
        on arms.failed_ingredient = eras.ingredient
    group by
        arms.protocol_id,
        arms.arm_id,
        eras.patient_id,
        arms.failed_ingredient,
        arms.salvage_ingredient
),

ranked as (
    select
        *,
        row_number() over (
            partition by protocol_id, patient_id
            order by failed_era_start_date, arm_id
        ) as era_order,
        count(*) over (partition by protocol_id, patient_id) as n_arms
    from by_arm
),

final as (
    select
        protocol_id,
        arm_id,
        patient_id,
        failed_ingredient,
        salvage_ingredient,
        failed_era_start_date,
        failed_era_end_date,
        n_arms
    from ranked
    where era_order = 1
)

select * from final

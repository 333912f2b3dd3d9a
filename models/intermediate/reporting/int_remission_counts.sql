with reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

remissions as (
    select * from {{ ref('int_remissions') }}
),

final as (
    select
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.arm_label,
        cast(count(remissions.patient_id) as integer) as n_patients,
        cast(
            sum(case when remissions.is_remission then 1 else 0 end) as integer
        ) as n_remissions,
        -- A sum of whole days is the same in any order; a sum of months is not.
        cast(sum(remissions.duration_days) as {{ double_type() }})
        / nullif(count(remissions.duration_days), 0) as mean_days,
        min(remissions.duration_days) as min_days,
        max(remissions.duration_days) as max_days,
        reporting_arms.days_per_month
    from reporting_arms
    left join remissions
        on
            reporting_arms.protocol_id = remissions.protocol_id
            and reporting_arms.member_arm_id = remissions.arm_id
    group by
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.arm_label,
        reporting_arms.days_per_month
)

select * from final

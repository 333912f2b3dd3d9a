with pairs as (
    select * from {{ ref('int_salvage_pairs') }}
),

classified as (
    select
        *,
        case
            when gap_days < -max_overlap_days then 'concomitant'
            when gap_days <= window_days then 'acute_salvage'
            else 'delayed_switch'
        end as salvage_class,
        coalesce(failed_era_stop_reason = 'failure', false) as is_first_drug_failed
    from pairs
),

final as (
    select
        protocol_id,
        arm_id,
        patient_id,
        failed_era_start_date,
        failed_era_end_date,
        salvage_start_date,
        salvage_end_date,
        gap_days,
        salvage_class,
        is_first_drug_failed,
        (is_first_drug_failed or not require_failure)
        and {{ failed_era_is_refractory(
            'classified.protocol_id',
            'classified.patient_id',
            'classified.failed_ingredient',
            'classified.failed_era_start_date'
        ) }} as meets_failure_rule
    from classified
)

select * from final

with episodes as (
    select * from {{ ref('int_analysis_episodes') }}
),

starts as (
    select * from {{ ref('int_remission_starts') }}
),

losses as (
    select * from {{ ref('int_remission_losses') }}
),

joined as (
    select
        episodes.protocol_id,
        episodes.arm_id,
        episodes.patient_id,
        episodes.salvage_start_date,
        episodes.days_per_month,
        starts.remission_start_date is not null as is_remission,
        starts.remission_start_date,
        losses.loss_reason,
        case
            when starts.remission_start_date is not null
                then coalesce(losses.loss_date, episodes.observation_end_date)
        end as remission_end_date,
        case
            when starts.remission_start_date is not null
                then losses.loss_date is null
        end as is_censored
    from episodes
    left join starts
        on
            episodes.protocol_id = starts.protocol_id
            and episodes.patient_id = starts.patient_id
    left join losses
        on
            episodes.protocol_id = losses.protocol_id
            and episodes.patient_id = losses.patient_id
),

final as (
    select
        *,
        {{ days_between('remission_start_date', 'remission_end_date') }}
            as duration_days
    from joined
)

select * from final

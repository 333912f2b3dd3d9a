with survival_times as (
    select * from {{ ref('int_reported_survival_times') }}
),

-- Relapse and a new rescue drug are loss of remission; colectomy and death compete.
remission_times as (
    select
        protocol_id,
        arm_id,
        duration_days,
        case
            when event in ('relapse', 'new_rescue_therapy') then 'remission_loss'
            else event
        end as cause
    from survival_times
    where outcome = 'remission'
),

final as (
    {{ cumulative_incidences(
        'remission_times',
        ['protocol_id', 'arm_id'],
        'duration_days',
        'cause',
        ['remission_loss', 'colectomy', 'death']
    ) | indent(4) }}
)

select * from final

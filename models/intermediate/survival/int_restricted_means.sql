with curves as (
    select * from {{ ref('int_survival_curves') }}
),

horizons as (
    select distinct
        protocol_id,
        outcome,
        arm_id,
        horizon_days
    from {{ ref('int_survival_horizons') }}
),

final as (
    {{ restricted_means(
        'curves',
        ['protocol_id', 'outcome', 'arm_id'],
        'duration_days',
        'horizons',
        'horizon_days'
    ) | indent(4) }}
)

select * from final

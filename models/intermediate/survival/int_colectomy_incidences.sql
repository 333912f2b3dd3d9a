with survival_times as (
    select * from {{ ref('int_reported_survival_times') }}
),

-- Death without colectomy competes.
operation_times as (
    select
        protocol_id,
        arm_id,
        duration_days,
        event
    from survival_times
    where outcome = 'colectomy_free'
),

final as (
    {{ cumulative_incidences(
        'operation_times',
        ['protocol_id', 'arm_id'],
        'duration_days',
        'event',
        ['colectomy']
    ) | indent(4) }}
)

select * from final

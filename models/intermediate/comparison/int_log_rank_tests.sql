with survival_times as (
    select * from {{ ref('int_survival_times') }}
),

final as (
    {{ log_rank_tests(
        'survival_times',
        ['protocol_id', 'outcome'],
        'arm_id',
        'duration_days',
        'is_event'
    ) | indent(4) }}
)

select * from final

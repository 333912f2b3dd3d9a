with curves as (
    select * from {{ ref('int_survival_curves') }}
),

final as (
    {{ survival_medians(
        'curves', ['protocol_id', 'outcome', 'arm_id'], 'duration_days'
    ) | indent(4) }}
)

select * from final

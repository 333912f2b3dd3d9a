with episodes as (
    select * from {{ ref('fct_salvage_episodes') }}
),

final as (
    select
        protocol_id,
        patient_id,
        count(*) as n_episodes
    from episodes
    where is_in_analysis_set is not false
    group by protocol_id, patient_id
    having
        count(*) > 1
        or protocol_id is null
        or patient_id is null
)

select * from final

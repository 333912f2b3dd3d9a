-- Whoever was in remission still is, or has lost it in one of three ways.
with survival as (
    select * from {{ ref('agg_remission_survival') }}
),

incidences as (
    select * from {{ ref('agg_remission_loss_incidence') }}
),

added as (
    select
        protocol_id,
        arm_id,
        duration_days,
        count(incidence) as n_causes,
        sum(incidence) as incidence
    from incidences
    group by protocol_id, arm_id, duration_days
)

select
    survival.protocol_id,
    survival.arm_id,
    survival.duration_days,
    survival.survival,
    added.incidence
from survival
full outer join added
    on
        survival.protocol_id = added.protocol_id
        and survival.arm_id = added.arm_id
        and survival.duration_days = added.duration_days
where
    coalesce(added.n_causes, 0) <> 3
    or coalesce(abs(survival.survival + added.incidence - 1), 1) > 1e-9

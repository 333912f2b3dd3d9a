with by_term as (
    select * from {{ ref('agg_adverse_events_by_term') }}
),

by_arm as (
    select * from {{ ref('agg_adverse_events_by_arm') }}
),

arm_sums as (
    select
        protocol_id,
        arm_id,
        sum(n_events) as n_events,
        max(n_patients_with_event) as most_patients,
        sum(n_patients_with_event) as n_patients_with_event,
        min(n_patients) as least_patients_of_arm,
        max(n_patients) as most_patients_of_arm
    from by_term
    group by protocol_id, arm_id
),

-- A patient may have had several events: each term has at most the arm's patients with
-- an event, and the terms together at least these.
wrong_arms as (
    select
        by_arm.protocol_id,
        by_arm.arm_id,
        cast(null as {{ dbt.type_string() }}) as event_term
    from by_arm
    left join arm_sums
        on
            by_arm.protocol_id = arm_sums.protocol_id
            and by_arm.arm_id = arm_sums.arm_id
    where
        coalesce(arm_sums.n_events, 0) is distinct from by_arm.n_sae_events
        or coalesce(
            arm_sums.most_patients > by_arm.n_patients_with_sae
            or arm_sums.n_patients_with_event < by_arm.n_patients_with_sae
            or arm_sums.least_patients_of_arm <> by_arm.n_patients
            or arm_sums.most_patients_of_arm <> by_arm.n_patients,
            by_arm.n_patients_with_sae is distinct from 0
        )
),

arm_numbers as (
    select
        protocol_id,
        count(*) as n_arms
    from by_arm
    group by protocol_id
),

term_sums as (
    select
        protocol_id,
        event_term,
        count(*) as n_arms,
        sum(case when arm_id = 'all' then n_events else -n_events end)
            as n_events_difference,
        sum(
            case
                when arm_id = 'all' then n_patients_with_event
                else -n_patients_with_event
            end
        ) as n_patients_difference
    from by_term
    group by protocol_id, event_term
),

wrong_terms as (
    select
        term_sums.protocol_id,
        cast(null as {{ dbt.type_string() }}) as arm_id,
        term_sums.event_term
    from term_sums
    left join arm_numbers
        on term_sums.protocol_id = arm_numbers.protocol_id
    where
        term_sums.n_arms is distinct from arm_numbers.n_arms
        or term_sums.n_events_difference is distinct from 0
        or term_sums.n_patients_difference is distinct from 0
),

final as (
    select * from wrong_arms
    union all
    select * from wrong_terms
)

select * from final

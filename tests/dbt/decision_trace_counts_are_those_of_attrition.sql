with trace as (
    select * from {{ ref('fct_decision_trace') }}
),

attrition as (
    select * from {{ ref('agg_cohort_attrition') }}
),

counted as (
    select
        protocol_id,
        rule_number,
        rule,
        sum(case when outcome in ('met', 'not_asked') then 1 else 0 end)
            as n_remaining,
        sum(case when outcome = 'not_met' then 1 else 0 end) as n_excluded
    from trace
    group by protocol_id, rule_number, rule
),

-- A rule that nobody is left for has no row in the trace.
final as (
    select
        attrition.protocol_id,
        attrition.step,
        attrition.n_remaining,
        attrition.n_excluded,
        counted.protocol_id as traced_protocol_id,
        counted.rule,
        counted.n_remaining as n_remaining_in_trace,
        counted.n_excluded as n_excluded_in_trace
    from attrition
    full outer join counted
        on
            attrition.protocol_id = counted.protocol_id
            and attrition.step_number = counted.rule_number
            and attrition.step = counted.rule
    where
        attrition.n_remaining is distinct from coalesce(counted.n_remaining, 0)
        or attrition.n_excluded is distinct from coalesce(counted.n_excluded, 0)
)

select * from final

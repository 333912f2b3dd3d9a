with trace as (
    select * from {{ ref('fct_decision_trace') }}
),

attrition as (
    select * from {{ ref('int_patient_attrition') }}
),

steps as (
    select * from {{ ref('attrition_steps') }}
),

last_step as (
    select max(step_number) as step_number
    from steps
),

-- An outcome that nobody knows excludes, so that it is seen.
traced as (
    select
        protocol_id,
        patient_id,
        count(*) as n_rules,
        max(rule_number) as last_rule_number,
        max(
            case when outcome in ('met', 'not_asked') then 0 else rule_number end
        ) as excluding_rule_number,
        sum(
            case when outcome in ('met', 'not_asked') then 0 else 1 end
        ) as n_excluding_rules
    from trace
    group by protocol_id, patient_id
),

expected as (
    select
        attrition.protocol_id,
        attrition.patient_id,
        least(attrition.last_step_number + 1, last_step.step_number)
            as last_rule_number,
        case
            when attrition.last_step_number = last_step.step_number then 0
            else attrition.last_step_number + 1
        end as excluding_rule_number,
        case
            when attrition.last_step_number = last_step.step_number then 0
            else 1
        end as n_excluding_rules
    from attrition
    cross join last_step
),

final as (
    select
        expected.protocol_id,
        expected.patient_id,
        expected.excluding_rule_number,
        traced.protocol_id as traced_protocol_id,
        traced.patient_id as traced_patient_id,
        traced.excluding_rule_number as traced_excluding_rule_number,
        traced.n_rules
    from expected
    full outer join traced
        on
            expected.protocol_id = traced.protocol_id
            and expected.patient_id = traced.patient_id
    where
        expected.last_rule_number is distinct from traced.last_rule_number
        or expected.last_rule_number is distinct from traced.n_rules
        or expected.excluding_rule_number
        is distinct from traced.excluding_rule_number
        or expected.n_excluding_rules is distinct from traced.n_excluding_rules
)

select * from final

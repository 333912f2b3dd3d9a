with conditions as (
    select * from {{ ref('stg_omop__condition_occurrence') }}
),

rules as (
    select * from {{ ref('int_omop_adverse_event_rules') }}
),

members as (
    select * from {{ ref('int_concept_set_members') }}
),

occurrences as (
    select
        conditions.condition_occurrence_id,
        conditions.person_id,
        conditions.condition_start_date,
        conditions.condition_end_date,
        rules.event_term,
        rules.clean_window_days,
        rules.is_serious_if_inpatient,
        rules.fatal_within_days,
        lag(conditions.condition_start_date) over (
            partition by conditions.person_id, rules.event_term
            order by
                conditions.condition_start_date nulls last,
                conditions.condition_occurrence_id nulls last,
                conditions.condition_end_date nulls last,
                rules.concept_set
        ) as previous_start_date
    from conditions
    inner join members
        on conditions.condition_concept_id = members.concept_id
    inner join rules
        on members.concept_set = rules.concept_set
),

-- What cannot be placed is no repetition: the ledger names what the record lacks.
final as (
    select
        *,
        person_id is null
        or condition_start_date is null
        or previous_start_date is null
        or coalesce(
            {{ days_between('previous_start_date', 'condition_start_date') }}
            > clean_window_days,
            false
        ) as is_new
    from occurrences
)

select * from final

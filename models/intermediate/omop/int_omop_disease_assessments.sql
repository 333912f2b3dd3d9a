with measurements as (
    select * from {{ ref('stg_omop__measurement') }}
),

observations as (
    select * from {{ ref('stg_omop__observation') }}
),

rules as (
    select * from {{ ref('int_omop_disease_status_rules') }}
),

members as (
    select * from {{ ref('int_concept_set_members') }}
),

records as (
    select
        'measurement' as cdm_table,
        measurement_id as record_id,
        person_id,
        measurement_concept_id as concept_id,
        measurement_date as assessment_date,
        value_as_number,
        value_as_concept_id
    from measurements
    union all
    select
        'observation' as cdm_table,
        observation_id as record_id,
        person_id,
        observation_concept_id as concept_id,
        observation_date as assessment_date,
        value_as_number,
        value_as_concept_id
    from observations
),

-- A record without the value that a rule asks for says nothing.
matched as (
    select
        records.*,
        rules.concept_set as score_name,
        rules.disease_status,
        case rules.disease_status
            when 'active' then 1
            when 'response' then 2
            else 3
        end as precedence
    from records
    inner join members
        on records.concept_id = members.concept_id
    inner join rules
        on members.concept_set = rules.concept_set
    left join members as value_members
        on
            rules.value_concept_set = value_members.concept_set
            and records.value_as_concept_id = value_members.concept_id
    where
        (rules.least_value is null or records.value_as_number >= rules.least_value)
        and (
            rules.greatest_value is null
            or records.value_as_number <= rules.greatest_value
        )
        and (
            rules.value_concept_set is null or value_members.concept_id is not null
        )
),

-- One record is one assessment; of the rules that it meets the worst counts (SPEC 4).
ranked as (
    select
        *,
        row_number() over (
            partition by
                cdm_table,
                record_id,
                person_id,
                concept_id,
                assessment_date,
                value_as_number,
                value_as_concept_id
            order by precedence, score_name
        ) as rule_order
    from matched
),

final as (
    select
        coalesce(record_id, 0) as line_number,
        cdm_table || '-' || {{ as_text('record_id') }} as assessment_id,
        person_id as patient_id,
        assessment_date,
        disease_status,
        score_name,
        value_as_number as score_value,
        {{ missing_required({
            "record_id": "cdm_table || '_id'",
            "person_id": "'person_id'",
            "assessment_date": "cdm_table || '_date'"
        }) }}
    from ranked
    where rule_order = 1
)

select * from final

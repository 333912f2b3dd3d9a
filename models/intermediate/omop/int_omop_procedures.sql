with procedures as (
    select * from {{ ref('stg_omop__procedure_occurrence') }}
),

members as (
    select * from {{ ref('int_concept_set_members') }}
),

procedure_names as (
    select * from {{ ref('int_procedure_names') }}
),

-- A concept set with a procedure's name says which concepts are that procedure.
named_concepts as (
    select
        members.concept_id,
        min(members.concept_set) as procedure_name
    from members
    inner join procedure_names
        on members.concept_set = procedure_names.procedure_name
    group by members.concept_id
),

final as (
    select
        coalesce(procedures.procedure_occurrence_id, 0) as line_number,
        procedures.procedure_occurrence_id as procedure_id,
        procedures.person_id as patient_id,
        named_concepts.procedure_name,
        procedures.procedure_date,
        {{ missing_required({
            "procedures.procedure_occurrence_id": "'procedure_occurrence_id'",
            "procedures.person_id": "'person_id'",
            "procedures.procedure_date": "'procedure_date'"
        }) }}
    from procedures
    inner join named_concepts
        on procedures.procedure_concept_id = named_concepts.concept_id
)

select * from final

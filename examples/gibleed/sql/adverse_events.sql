-- Every condition other than the study's own, as an event.
-- is_hospitalization is the one flag that the data support: the record belongs to an
-- inpatient visit (concept 9201) that had not ended when the condition began; a
-- condition that began after the discharge cannot have required that stay. The other
-- flags, the grade and the outcome stay empty: the CDM holds nothing to base them on
-- (its death table is empty, so no event is known to be fatal).
with

inpatient_visits as (
    select
        visit_occurrence_id,
        visit_end_date
    from visit_occurrence
    where visit_concept_id = 9201
)

select
    condition_occurrence.condition_occurrence_id as adverse_event_id,
    condition_occurrence.person_id as patient_id,
    concept.concept_name as event_term,
    condition_occurrence.condition_start_date as onset_date,
    condition_occurrence.condition_end_date as resolution_date,
    cast(null as integer) as severity_grade,
    cast(null as boolean) as is_fatal,
    cast(null as boolean) as is_life_threatening,
    case when inpatient_visits.visit_occurrence_id is not null then true end
        as is_hospitalization,
    cast(null as boolean) as is_disability,
    cast(null as boolean) as is_medically_important,
    cast(null as varchar) as outcome
from condition_occurrence
inner join study_patients
    on condition_occurrence.person_id = study_patients.person_id
left join inpatient_visits
    on
        condition_occurrence.visit_occurrence_id = inpatient_visits.visit_occurrence_id
        and condition_occurrence.condition_start_date <= inpatient_visits.visit_end_date
left join concept
    on condition_occurrence.condition_concept_id = concept.concept_id
where
    condition_occurrence.condition_concept_id not in (
        select study_conditions.condition_concept_id from study_conditions
    )
order by condition_occurrence.condition_occurrence_id

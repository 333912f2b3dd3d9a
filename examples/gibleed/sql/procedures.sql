select
    procedure_occurrence.procedure_occurrence_id as procedure_id,
    procedure_occurrence.person_id as patient_id,
    concept.concept_name as procedure_name,
    procedure_occurrence.procedure_date
from procedure_occurrence
inner join study_patients
    on procedure_occurrence.person_id = study_patients.person_id
left join concept
    on procedure_occurrence.procedure_concept_id = concept.concept_id
order by procedure_occurrence.procedure_occurrence_id

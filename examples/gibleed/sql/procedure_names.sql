-- The CDM's own hierarchy tells a colectomy: a descendant of SNOMED 4079713, "Excision
-- of colon". None of these patients had one; `other` says that, where `unmapped` would
-- say that nobody had looked.
select distinct
    concept.concept_name as procedure_name,
    case
        when concept_ancestor.descendant_concept_id is not null then 'colectomy'
        else 'other'
    end as procedure_group
from procedure_occurrence
inner join study_patients
    on procedure_occurrence.person_id = study_patients.person_id
inner join concept
    on procedure_occurrence.procedure_concept_id = concept.concept_id
left join concept_ancestor
    on
        concept.concept_id = concept_ancestor.descendant_concept_id
        and concept_ancestor.ancestor_concept_id = 4079713
order by procedure_name

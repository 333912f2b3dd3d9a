{{ cdm_records('concept_ancestor') }}

{{ cdm_records('procedure_occurrence') }}

{{ cdm_records('visit_occurrence') }}

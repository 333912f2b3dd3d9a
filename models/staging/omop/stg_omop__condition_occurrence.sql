{{ cdm_records('condition_occurrence') }}

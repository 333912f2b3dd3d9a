{{ cdm_records('concept') }}

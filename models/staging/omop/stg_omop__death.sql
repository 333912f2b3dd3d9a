{{ cdm_records('death') }}

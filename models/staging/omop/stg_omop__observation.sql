{{ cdm_records('observation') }}

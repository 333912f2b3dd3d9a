{{ cdm_records('measurement') }}

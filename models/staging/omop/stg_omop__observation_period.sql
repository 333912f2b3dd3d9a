{{ cdm_records('observation_period') }}

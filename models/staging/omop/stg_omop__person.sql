{{ cdm_records('person') }}

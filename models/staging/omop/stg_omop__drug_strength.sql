{{ cdm_records('drug_strength') }}

{{ cdm_records('drug_exposure') }}

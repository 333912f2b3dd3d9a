{{ salvage_failures(ref('int_analysis_episodes'), ['protocol_id', 'patient_id']) }}

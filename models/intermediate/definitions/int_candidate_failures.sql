{{ salvage_failures(
    ref('int_candidate_episodes'),
    ['protocol_id', 'arm_id', 'patient_id', 'salvage_start_date']
) }}

{{ remission_starts(
    ref('int_candidate_episodes'),
    ref('int_candidate_failures'),
    ['protocol_id', 'arm_id', 'patient_id', 'salvage_start_date']
) }}

{{ remission_starts(
    ref('int_analysis_episodes'),
    ref('int_salvage_failures'),
    ['protocol_id', 'patient_id']
) }}

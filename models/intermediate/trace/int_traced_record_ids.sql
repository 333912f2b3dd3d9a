with first_eras as (
    select * from {{ ref('int_first_failed_drug_eras') }}
),

episodes as (
    select * from {{ ref('int_traced_episodes') }}
),

exposures as (
    select * from {{ ref('int_drug_exposures') }}
),

-- The eras that each kind of evidence is made of.
evidence_eras as (
    select
        protocol_id,
        patient_id,
        'first_failed_drug_era' as evidence,
        failed_ingredient as ingredient,
        failed_era_start_date as era_start_date,
        failed_era_end_date as era_end_date
    from first_eras
    union all
    select
        protocol_id,
        patient_id,
        'failed_era' as evidence,
        failed_ingredient as ingredient,
        failed_era_start_date as era_start_date,
        failed_era_end_date as era_end_date
    from episodes
    union all
    select
        protocol_id,
        patient_id,
        'episode' as evidence,
        failed_ingredient as ingredient,
        failed_era_start_date as era_start_date,
        failed_era_end_date as era_end_date
    from episodes
    union all
    select
        protocol_id,
        patient_id,
        'episode' as evidence,
        salvage_ingredient as ingredient,
        salvage_start_date as era_start_date,
        salvage_end_date as era_end_date
    from episodes
),

final as (
    select
        evidence_eras.protocol_id,
        evidence_eras.patient_id,
        evidence_eras.evidence,
        {{ list_as_text(sorted_list(as_text('exposures.exposure_id')), ',') }}
            as source_record_ids
    from evidence_eras
    inner join exposures
        on
            evidence_eras.patient_id = exposures.patient_id
            and evidence_eras.ingredient = exposures.ingredient
            and evidence_eras.era_start_date <= exposures.start_date
            and evidence_eras.era_end_date >= exposures.start_date
    group by
        evidence_eras.protocol_id,
        evidence_eras.patient_id,
        evidence_eras.evidence
)

select * from final

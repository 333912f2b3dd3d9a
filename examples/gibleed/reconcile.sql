-- What `salvage run` must find in GiBleed, computed by hand from the Parquet files: one
-- row (name, value) per figure; published_figures.sql reads the same ones off the marts.
--
-- Nothing is shared with the exporter, the models or the protocol's files: drugs are
-- concept ids, the arms are written out again, and no window function is used. An era
-- begins at an exposure that no earlier one reaches; the failed era is a maximum over
-- the earlier starts; the analysis episode is the one that no other precedes.
with

arms (arm_id, failed_concept_id, salvage_concept_id, window_days) as (
    values
        ('acetaminophen_after_celecoxib', 1118084, 1125315, 28),
        ('acetaminophen_after_ibuprofen', 1177480, 1125315, 90),
        ('celecoxib_after_acetaminophen', 1125315, 1118084, 365),
        ('diclofenac_after_acetaminophen', 1125315, 1124300, 365)
),

rules (era_gap_days, ae_risk_window_days) as (
    values (30, 90)
),

patients as (
    select
        person.person_id,
        cast(person.birth_datetime as date) as birth_date,
        observed.observation_end_date
    from person
    inner join (
        select
            person_id,
            max(observation_period_end_date) as observation_end_date
        from observation_period
        group by person_id
    ) as observed
        on person.person_id = observed.person_id
    where person.person_id in (
        select condition_occurrence.person_id
        from condition_occurrence
        where condition_occurrence.condition_concept_id = 81893
    )
),

-- Records as the gate of SPEC 1 judges them -------------------------------------------

ingredients as (
    select
        concept_id as ingredient_concept_id,
        lower(concept_name) as ingredient
    from concept
    where
        vocabulary_id = 'RxNorm'
        and concept_class_id = 'Ingredient'
),

source_exposures as (
    select
        drug_exposure.person_id,
        drug_exposure.drug_exposure_start_date as start_date,
        drug_exposure.drug_exposure_end_date as end_date,
        ingredients.ingredient_concept_id,
        ingredients.ingredient
    from drug_exposure
    left join (
        concept_ancestor
        inner join ingredients
            on concept_ancestor.ancestor_concept_id = ingredients.ingredient_concept_id
    )
        on drug_exposure.drug_concept_id = concept_ancestor.descendant_concept_id
),

exposures as (
    select
        source_exposures.* exclude (end_date),
        least(end_date, observation_end_date) as end_date,
        case
            when end_date < start_date then 'end_before_start'
            when start_date < birth_date then 'before_birth'
            when start_date > observation_end_date then 'after_cutoff'
        end as reason
    from source_exposures
    inner join patients
        on source_exposures.person_id = patients.person_id
),

procedures as (
    select
        case
            when procedure_date < birth_date then 'before_birth'
            when procedure_date > observation_end_date then 'after_cutoff'
        end as reason
    from procedure_occurrence
    inner join patients
        on procedure_occurrence.person_id = patients.person_id
),

-- Serious: recorded for an inpatient visit (9201) that had not ended when it began.
source_events as (
    select
        condition_occurrence.person_id,
        condition_occurrence.condition_start_date as onset_date,
        condition_occurrence.condition_end_date as resolution_date,
        coalesce(inpatient.visit_end_date >= condition_start_date, false) as is_serious
    from condition_occurrence
    left join visit_occurrence as inpatient
        on
            condition_occurrence.visit_occurrence_id = inpatient.visit_occurrence_id
            and inpatient.visit_concept_id = 9201
    where condition_occurrence.condition_concept_id <> 81893
),

adverse_events as (
    select
        source_events.*,
        case
            when resolution_date < onset_date then 'end_before_start'
            when onset_date < birth_date then 'before_birth'
            when onset_date > observation_end_date then 'after_cutoff'
        end as reason
    from source_events
    inner join patients
        on source_events.person_id = patients.person_id
),

records (table_name, reason) as (
    select 'patients', null from patients
    union all
    select 'drug_exposures', reason from exposures
    union all
    select 'procedures', reason from procedures
    union all
    select 'adverse_events', reason from adverse_events
),

-- Eras --------------------------------------------------------------------------------

usable_exposures as (
    select
        person_id,
        ingredient_concept_id,
        ingredient,
        start_date,
        end_date
    from exposures
    where
        reason is null
        and ingredient_concept_id is not null
),

era_starts as (
    select distinct
        person_id,
        ingredient_concept_id,
        start_date as era_start_date
    from usable_exposures
    where not exists (
        from usable_exposures as earlier
        cross join rules
        where
            earlier.person_id = usable_exposures.person_id
            and earlier.ingredient_concept_id = usable_exposures.ingredient_concept_id
            and earlier.start_date < usable_exposures.start_date
            and earlier.end_date + rules.era_gap_days >= usable_exposures.start_date
    )
),

exposures_of_eras as (
    select
        usable_exposures.*,
        (
            select max(era_starts.era_start_date)
            from era_starts
            where
                era_starts.person_id = usable_exposures.person_id
                and era_starts.ingredient_concept_id
                = usable_exposures.ingredient_concept_id
                and era_starts.era_start_date <= usable_exposures.start_date
        ) as era_start_date
    from usable_exposures
),

eras as (
    select
        person_id,
        ingredient_concept_id,
        ingredient,
        era_start_date,
        max(end_date) as era_end_date,
        count(*) as n_exposures
    from exposures_of_eras
    group by person_id, ingredient_concept_id, ingredient, era_start_date
),

-- Episodes and analysis set -----------------------------------------------------------

switches as (
    select
        arms.arm_id,
        arms.failed_concept_id,
        arms.window_days,
        salvage.person_id,
        salvage.era_start_date as salvage_start_date,
        salvage.era_end_date as salvage_end_date,
        (
            select max(failed.era_start_date)
            from eras as failed
            where
                failed.person_id = salvage.person_id
                and failed.ingredient_concept_id = arms.failed_concept_id
                and failed.era_start_date < salvage.era_start_date
        ) as failed_start_date
    from arms
    inner join eras as salvage
        on arms.salvage_concept_id = salvage.ingredient_concept_id
),

episodes as (
    select
        switches.arm_id,
        switches.person_id,
        switches.salvage_start_date,
        switches.salvage_end_date,
        switches.salvage_start_date - failed.era_end_date as gap_days,
        case
            when salvage_start_date < era_end_date then 'concomitant'
            when salvage_start_date - era_end_date <= window_days then 'acute_salvage'
            else 'delayed_switch'
        end as salvage_class
    from switches
    inner join eras as failed
        on
            switches.person_id = failed.person_id
            and switches.failed_concept_id = failed.ingredient_concept_id
            and switches.failed_start_date = failed.era_start_date
),

acute_episodes as (
    select *
    from episodes
    where salvage_class = 'acute_salvage'
),

analysis_episodes as (
    select *
    from acute_episodes
    where not exists (
        from acute_episodes as earlier
        where
            earlier.person_id = acute_episodes.person_id
            and (earlier.salvage_start_date, earlier.arm_id)
            < (acute_episodes.salvage_start_date, acute_episodes.arm_id)
    )
),

-- Nobody is excluded for the diagnosis (all have it), for refractoriness or for the
-- reason of stopping (the protocol asks for neither).
attrition (step, n_remaining) as (
    select 'all_patients', count(*) from patients
    union all
    select 'has_diagnosis', count(*) from patients
    union all
    select 'steroid_refractory', count(*) from patients
    union all
    select 'exposed_to_failed_drug', count(distinct person_id) from eras
    where ingredient_concept_id in (select failed_concept_id from arms)
    union all
    select 'received_alternate_drug', count(distinct person_id) from episodes
    union all
    select 'first_drug_failed', count(distinct person_id) from episodes
    union all
    select 'within_salvage_window', count(distinct person_id) from acute_episodes
),

-- Adverse events ----------------------------------------------------------------------

risk_periods as (
    select
        analysis_episodes.arm_id,
        analysis_episodes.person_id,
        analysis_episodes.salvage_start_date,
        least(
            analysis_episodes.salvage_end_date + rules.ae_risk_window_days,
            patients.observation_end_date
        ) as risk_end_date
    from analysis_episodes
    inner join patients
        on analysis_episodes.person_id = patients.person_id
    cross join rules
),

attributed_events as (
    select
        risk_periods.arm_id,
        adverse_events.person_id,
        adverse_events.onset_date,
        adverse_events.is_serious,
        case
            when risk_periods.arm_id is null
                then 'not_in_cohort'
            when adverse_events.onset_date is null
                then 'no_onset_date'
            when adverse_events.onset_date < risk_periods.salvage_start_date
                then 'before_salvage'
            when adverse_events.onset_date > risk_periods.risk_end_date
                then 'after_risk_window'
            else 'treatment_emergent'
        end as attribution
    from adverse_events
    left join risk_periods
        on adverse_events.person_id = risk_periods.person_id
    where adverse_events.reason is null
),

first_serious_events as (
    select
        person_id,
        min(onset_date) as onset_date,
        count(*) as n_events
    from attributed_events
    where
        is_serious
        and attribution = 'treatment_emergent'
    group by person_id
),

patients_at_risk as (
    select
        risk_periods.arm_id,
        first_serious_events.person_id is not null as has_serious_event,
        coalesce(first_serious_events.n_events, 0) as n_serious_events,
        coalesce(first_serious_events.onset_date, risk_periods.risk_end_date)
        - risk_periods.salvage_start_date + 1 as days_at_risk
    from risk_periods
    left join first_serious_events
        on risk_periods.person_id = first_serious_events.person_id
),

safety_by_arm as (
    select
        coalesce(arms.arm_id, 'all') as arm_id,
        count(patients_at_risk.arm_id) as n_patients,
        count(*) filter (where has_serious_event) as n_patients_with_sae,
        coalesce(sum(patients_at_risk.n_serious_events), 0) as n_sae_events,
        coalesce(sum(patients_at_risk.days_at_risk), 0) as person_days
    from arms
    left join patients_at_risk
        on arms.arm_id = patients_at_risk.arm_id
    group by grouping sets ((arms.arm_id), ())
),

-- The eras that the CDM's own makers shipped ------------------------------------------

-- GiBleed's drug_era follows the rule of SPEC 2 but knows no observation end: eras that
-- begin after it are those of the quarantined exposures.
shipped_eras as (
    select
        ingredients.ingredient,
        drug_era.drug_exposure_count
    from drug_era
    inner join patients
        on drug_era.person_id = patients.person_id
    inner join ingredients
        on drug_era.drug_concept_id = ingredients.ingredient_concept_id
    where drug_era.drug_era_start_date <= patients.observation_end_date
),

-- Figures -----------------------------------------------------------------------------

-- No assessment of the disease and no death is on record: no remission, no fatal event.
figures (name, value) as (
    select concat_ws('.', 'records', table_name, 'read'), count(*)
    from records
    group by table_name
    union all
    select concat_ws('.', 'records', table_name, coalesce(reason, 'accepted')), count(*)
    from records
    group by table_name, reason
    union all
    select 'unmapped.drug_exposures', count(*)
    from exposures
    where reason is null and ingredient_concept_id is null
    union all
    select concat_ws('.', 'eras', ingredient), count(*)
    from eras
    group by ingredient
    union all
    select concat_ws('.', 'era_exposures', ingredient), sum(n_exposures)
    from eras
    group by ingredient
    union all
    select
        concat_ws('.', 'era_days', ingredient),
        sum(era_end_date - era_start_date + 1)
    from eras
    group by ingredient
    union all
    select concat_ws('.', 'shipped_eras', ingredient), count(*)
    from shipped_eras
    group by ingredient
    union all
    select concat_ws('.', 'shipped_era_exposures', ingredient), sum(drug_exposure_count)
    from shipped_eras
    group by ingredient
    union all
    select concat_ws('.', 'episodes', arm_id, salvage_class), count(*)
    from episodes
    group by arm_id, salvage_class
    union all
    select concat_ws('.', 'gap_days', arm_id, salvage_class), sum(gap_days)
    from episodes
    group by arm_id, salvage_class
    union all
    select concat_ws('.', 'attrition', step), n_remaining
    from attrition
    union all
    select concat_ws('.', 'analysis_set', arm_id), n_patients
    from safety_by_arm
    union all
    select concat_ws('.', 'remissions', arm_id), 0
    from safety_by_arm
    union all
    select concat_ws('.', 'patients_with_serious_events', arm_id), n_patients_with_sae
    from safety_by_arm
    union all
    select concat_ws('.', 'serious_events', arm_id), n_sae_events
    from safety_by_arm
    union all
    select concat_ws('.', 'deaths', arm_id), 0
    from safety_by_arm
    union all
    select concat_ws('.', 'person_days', arm_id), person_days
    from safety_by_arm
    union all
    select concat_ws('.', 'events', arm_id, attribution), count(*)
    from attributed_events
    group by arm_id, attribution
)

select
    name,
    cast(value as bigint) as value
from figures
order by name

-- Refractoriness to steroids stays empty (= unknown): a CDM does not record it.
-- A patient without an observation period has no last follow-up and is quarantined.
with

last_observations as (
    select
        person_id,
        max(observation_period_end_date) as last_follow_up_date
    from observation_period
    group by person_id
)

select
    person.person_id as patient_id,
    make_date(person.year_of_birth, person.month_of_birth, person.day_of_birth)
        as birth_date,
    case person.gender_concept_id
        when 8532 then 'F'
        when 8507 then 'M'
        else 'U'
    end as sex,
    'ulcerative colitis' as diagnosis,
    study_patients.diagnosis_date,
    cast(null as boolean) as steroid_refractory,
    last_observations.last_follow_up_date,
    death.death_date
from study_patients
inner join person
    on study_patients.person_id = person.person_id
left join last_observations
    on study_patients.person_id = last_observations.person_id
left join death
    on study_patients.person_id = death.person_id
order by study_patients.person_id

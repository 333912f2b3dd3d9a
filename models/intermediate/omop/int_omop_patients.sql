with persons as (
    select * from {{ ref('stg_omop__person') }}
),

periods as (
    select * from {{ ref('stg_omop__observation_period') }}
),

deaths as (
    select * from {{ ref('stg_omop__death') }}
),

diagnoses as (
    select * from {{ ref('int_omop_diagnoses') }}
),

genders as (
    select * from {{ ref('omop_genders') }}
),

last_days as (
    select
        person_id,
        max(observation_period_end_date) as last_follow_up_date
    from periods
    group by person_id
),

first_deaths as (
    select
        person_id,
        min(death_date) as death_date
    from deaths
    group by person_id
),

diagnosis_lists as (
    select
        patient_id,
        {{ dbt.listagg('diagnosis', "'; '", 'order by diagnosis') }} as diagnosis,
        min(diagnosis_date) as diagnosis_date
    from diagnoses
    group by patient_id
),

final as (
    select
        coalesce(persons.person_id, 0) as line_number,
        persons.person_id as patient_id,
        {{ birth_date(
            'persons.birth_datetime',
            'persons.year_of_birth',
            'persons.month_of_birth',
            'persons.day_of_birth'
        ) }} as birth_date,
        coalesce(genders.sex, 'U') as sex,
        diagnosis_lists.diagnosis,
        diagnosis_lists.diagnosis_date,
        cast(null as boolean) as steroid_refractory,
        last_days.last_follow_up_date,
        first_deaths.death_date,
        {{ missing_required({
            "persons.person_id": "'person_id'",
            "last_days.last_follow_up_date": "'observation_period_end_date'"
        }) }}
    from persons
    left join genders
        on persons.gender_concept_id = genders.gender_concept_id
    left join last_days
        on persons.person_id = last_days.person_id
    left join first_deaths
        on persons.person_id = first_deaths.person_id
    left join diagnosis_lists
        on persons.person_id = diagnosis_lists.patient_id
)

select * from final

with occurrences as (
    select * from {{ ref('int_omop_event_occurrences') }}
),

deaths as (
    select * from {{ ref('stg_omop__death') }}
),

visits as (
    select * from {{ ref('stg_omop__visit_occurrence') }}
),

members as (
    select * from {{ ref('int_concept_set_members') }}
),

-- A death after the cut-off is not known then: docs/decisions/0005.
first_deaths as (
    select
        person_id,
        min(death_date) as death_date
    from deaths
    where
        {{ data_cutoff_date() }} is null
        or death_date <= {{ data_cutoff_date() }}
    group by person_id
),

inpatient_visits as (
    select
        visits.person_id,
        visits.visit_start_date,
        coalesce(visits.visit_end_date, visits.visit_start_date) as visit_end_date
    from visits
    inner join members
        on visits.visit_concept_id = members.concept_id
    where members.concept_set = 'inpatient visit'
),

-- A record that is more than one event gets a number behind its id from the second on.
numbered as (
    select
        *,
        row_number() over (
            partition by
                condition_occurrence_id,
                person_id,
                condition_start_date,
                condition_end_date
            order by event_term
        ) as event_number
    from occurrences
    where is_new
),

inpatient_events as (
    select distinct
        numbered.person_id,
        numbered.condition_start_date
    from numbered
    inner join inpatient_visits
        on
            numbered.person_id = inpatient_visits.person_id
            and numbered.condition_start_date >= inpatient_visits.visit_start_date
            and numbered.condition_start_date <= inpatient_visits.visit_end_date
),

final as (
    select
        coalesce(numbered.condition_occurrence_id, 0) as line_number,
        {{ as_text('numbered.condition_occurrence_id') }}
        || case
            when numbered.event_number > 1
                then '.' || {{ as_text('numbered.event_number') }}
            else ''
        end as adverse_event_id,
        numbered.person_id as patient_id,
        numbered.event_term,
        numbered.condition_start_date as onset_date,
        numbered.condition_end_date as resolution_date,
        cast(null as integer) as severity_grade,
        coalesce(
            {{ is_within_days_after(
                'first_deaths.death_date',
                'numbered.condition_start_date',
                'numbered.fatal_within_days'
            ) }}
            and numbered.fatal_within_days is not null,
            false
        ) as is_fatal,
        false as is_life_threatening,
        numbered.is_serious_if_inpatient and inpatient_events.person_id is not null
            as is_hospitalization,
        false as is_disability,
        false as is_medically_important,
        cast(null as {{ dbt.type_string() }}) as outcome,
        {{ missing_required({
            "numbered.condition_occurrence_id": "'condition_occurrence_id'",
            "numbered.person_id": "'person_id'",
            "numbered.condition_start_date": "'condition_start_date'"
        }) }}
    from numbered
    left join first_deaths
        on numbered.person_id = first_deaths.person_id
    left join inpatient_events
        on
            numbered.person_id = inpatient_events.person_id
            and numbered.condition_start_date = inpatient_events.condition_start_date
)

select * from final

with conditions as (
    select * from {{ ref('stg_omop__condition_occurrence') }}
),

persons as (
    select * from {{ ref('int_omop_persons') }}
),

-- Concept 0 says that the source's code has no concept: no condition of its own.
concepts as (
    select distinct condition_concept_id
    from conditions
    where condition_concept_id <> 0
),

numbered_concepts as (
    select
        condition_concept_id,
        row_number() over (order by condition_concept_id) as ingredient_number,
        {{ var('default_era_gap_days') }} as era_gap_days
    from concepts
),

numbered_conditions as (
    select
        persons.person_number as patient_number,
        numbered_concepts.ingredient_number,
        conditions.condition_start_date as start_date,
        coalesce(
            conditions.condition_end_date,
            {{ add_days('conditions.condition_start_date', 1) }}
        ) as end_date
    from conditions
    inner join persons
        on conditions.person_id = persons.person_id
    inner join numbered_concepts
        on conditions.condition_concept_id = numbered_concepts.condition_concept_id
    where
        conditions.condition_start_date is not null
        and (
            conditions.condition_end_date is null
            or conditions.condition_start_date <= conditions.condition_end_date
        )
),

eras as (
    {{ drug_eras('numbered_conditions', 'numbered_concepts') }}  -- noqa: PRS
),

final as (
    select
        row_number() over (
            order by eras.patient_number, eras.ingredient_number, eras.era_start_date
        ) as condition_era_id,
        persons.person_id,
        numbered_concepts.condition_concept_id,
        eras.era_start_date as condition_era_start_date,
        eras.era_end_date as condition_era_end_date,
        eras.n_exposures as condition_occurrence_count
    from eras
    inner join persons
        on eras.patient_number = persons.person_number
    inner join numbered_concepts
        on eras.ingredient_number = numbered_concepts.ingredient_number
)

select * from final

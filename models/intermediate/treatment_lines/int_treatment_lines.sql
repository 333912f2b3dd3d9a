with era_lines as (
    select * from {{ ref('int_era_lines') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

rules as (
    select * from {{ ref('treatment_path_rules') }}
),

-- Each start that an era may still be joined by, counted like the lines: by the eras
-- that the patient has begun so far. Of several starts on one day only the last count
-- is a line's.
joined as (
    select
        patient_id,
        {{ each_integer('n_eras_begun + 1', 'n_eras_begun + n_eras_joining') }}
            as n_eras_begun,
        n_eras_begun + n_eras_joining as n_eras_begun_when_left,
        ingredient,
        era_end_date
    from era_lines
    where n_eras_joining > 0
),

line_drugs as (
    select
        patient_id,
        n_eras_begun,
        n_eras_begun + n_eras_joining as n_eras_begun_when_left,
        ingredient,
        era_end_date,
        era_start_date as line_start_date,
        line_number
    from era_lines
    union all
    select
        patient_id,
        n_eras_begun,
        n_eras_begun_when_left,
        ingredient,
        era_end_date,
        cast(null as date) as line_start_date,
        cast(null as bigint) as line_number
    from joined
),

lines as (
    select
        patient_id,
        max(line_number) as line_number,
        max(line_start_date) as line_start_date,
        max(era_end_date) as last_drug_date,
        count(line_number) as n_eras,
        max(n_eras_begun_when_left) > n_eras_begun as is_joined,
        {{ sorted_list('ingredient') }} as ingredients
    from line_drugs
    group by patient_id, n_eras_begun
    having count(line_number) > 0
),

in_order as (
    select
        *,
        lag(ingredients) over patient_lines as previous_ingredients,
        lead(ingredients) over patient_lines as next_ingredients,
        lead(line_start_date) over patient_lines as next_line_start_date
    from lines
    window patient_lines as (
        partition by patient_id
        order by line_number
    )
),

observed as (
    select
        in_order.*,
        patients.observation_end_date,
        coalesce(
            patients.known_death_date = patients.observation_end_date, false
        ) as is_observed_until_death,
        {{ add_days('in_order.last_drug_date', 'rules.after_stop_days') }}
            as last_day_after_stop
    from in_order
    inner join patients
        on in_order.patient_id = patients.patient_id
    cross join rules
),

final as (
    select
        patient_id,
        cast(line_number as integer) as line_number,
        ingredients,
        line_start_date,
        -- least() skips NULL: the last line has no next one.
        least(last_drug_date, {{ add_days('next_line_start_date', -1) }})
            as line_end_date,
        last_drug_date,
        case
            when is_joined then 'add'
            when
                next_line_start_date <= last_day_after_stop
                and not {{ is_part_of_list('next_ingredients', 'ingredients') }}
                then 'switch'
            when
                next_line_start_date is not null
                or last_drug_date < observation_end_date
                then 'stop'
            when is_observed_until_death then 'death'
            else 'end_of_observation'
        end as end_reason,
        coalesce(ingredients = previous_ingredients, false) as is_repeat,
        cast(n_eras as integer) as n_eras,
        case
            when next_line_start_date is not null then null
            when
                is_observed_until_death
                and observation_end_date <= last_day_after_stop
                then 'death'
            when observation_end_date < last_day_after_stop then 'end_of_observation'
            else 'no_later_treatment'
        end as path_end
    from observed
)

select * from final

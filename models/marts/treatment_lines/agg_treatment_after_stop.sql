with stops as (
    select * from {{ ref('int_treatments_after_stop') }}
),

drugs as (
    select
        ingredient,
        cast(count(*) as integer) as n_stops_of_drug,
        cast(count(case when is_followed_up then 1 end) as integer)
            as n_followed_up_of_drug
    from stops
    group by ingredient
),

outcomes as (
    {%- for outcome in [
        'restart', 'switch', 'both', 'untreated', 'died', 'not_observed'
    ] %}
    select '{{ outcome }}' as outcome
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

counts as (
    select
        ingredient,
        outcome,
        count(*) as n_stops,
        count(distinct patient_id) as n_patients,
        count(case when is_on_other_drug then 1 end) as n_on_other_drug,
        count(case when is_followed_up then 1 end) as n_followed_up
    from stops
    group by ingredient, outcome
),

-- An outcome that no stop had is told as 0.
filled as (
    select
        drugs.ingredient,
        outcomes.outcome,
        {%- for column in [
            'n_stops', 'n_patients', 'n_on_other_drug', 'n_followed_up'
        ] %}
        cast(coalesce(counts.{{ column }}, 0) as integer) as {{ column }},
        {%- endfor %}
        drugs.n_stops_of_drug,
        drugs.n_followed_up_of_drug
    from drugs
    cross join outcomes
    left join counts
        on
            drugs.ingredient = counts.ingredient
            and outcomes.outcome = counts.outcome
),

final as (
    select
        *,
        case
            when outcome <> 'not_observed'
                then {{ proportion('n_followed_up', 'n_followed_up_of_drug') }}
        end as followed_up_share
    from filled
)

select * from final

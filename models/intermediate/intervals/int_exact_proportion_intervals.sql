with remission_counts as (
    select * from {{ ref('int_remission_counts') }}
),

serious_event_counts as (
    select * from {{ ref('int_serious_event_counts') }}
),

serious_event_term_counts as (
    select * from {{ ref('int_serious_event_term_counts') }}
),

reported as (
    select
        n_remissions as n_events,
        n_patients as n_total
    from remission_counts
    union all
    select
        n_patients_with_sae as n_events,
        n_patients as n_total
    from serious_event_counts
    union all
    select
        n_patients_with_event as n_events,
        n_patients as n_total
    from serious_event_term_counts
),

final as (
    {{ clopper_pearson_intervals('reported', 'n_events', 'n_total') | indent(4) }}
)

select * from final

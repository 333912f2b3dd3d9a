with starts as (
    select * from {{ ref('int_remission_starts') }}
),

failures as (
    select * from {{ ref('int_salvage_failures') }}
),

disease_status as (
    select * from {{ ref('int_daily_disease_status') }}
),

relapses as (
    select
        starts.protocol_id,
        starts.patient_id,
        min(disease_status.assessment_date) as relapse_date
    from starts
    inner join disease_status
        on
            starts.patient_id = disease_status.patient_id
            and starts.remission_start_date < disease_status.assessment_date
    where disease_status.disease_status = 'active'
    group by starts.protocol_id, starts.patient_id
),

-- New rescue, colectomy and death all lie after the remission's start, which is
-- strictly before the earliest of them.
loss_candidates as (
    select
        protocol_id,
        patient_id,
        relapse_date as loss_date,
        'relapse' as loss_reason,
        1 as precedence
    from relapses
    {%- for reason, date_column in [
        ('new_rescue_therapy', 'new_rescue_date'),
        ('colectomy', 'colectomy_date'),
        ('death', 'death_date'),
    ] %}
    union all
    select
        starts.protocol_id,
        starts.patient_id,
        failures.{{ date_column }} as loss_date,
        '{{ reason }}' as loss_reason,
        {{ loop.index + 1 }} as precedence
    from starts
    inner join failures
        on
            starts.protocol_id = failures.protocol_id
            and starts.patient_id = failures.patient_id
    where failures.{{ date_column }} is not null
    {%- endfor %}
),

-- On one day the graver reason, the later one in SPEC 4's list, is the reason.
ranked as (
    select
        *,
        row_number() over (
            partition by protocol_id, patient_id
            order by loss_date, precedence desc
        ) as loss_order
    from loss_candidates
),

final as (
    select
        protocol_id,
        patient_id,
        loss_date,
        loss_reason
    from ranked
    where loss_order = 1
)

select * from final

with ledger as (
    select * from {{ ref('dq_row_ledger') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

patients as (
    select * from {{ ref('dim_patients') }}
),

exposures as (
    select * from {{ ref('int_drug_exposures') }}
),

adverse_events as (
    select * from {{ ref('fct_adverse_events') }}
),

event_counts as (
    select
        protocols.protocol_id,
        count(adverse_events.adverse_event_id) as n_rows
    from protocols
    left join adverse_events
        on protocols.protocol_id = adverse_events.protocol_id
    group by protocols.protocol_id
),

counted as (
    select
        'patients' as table_name,
        'dim_patients' as counted_in,
        count(*) as n_rows
    from patients
    {%- if not is_omop() %}
    -- A CDM's exposure counts for each of its ingredients:
    -- mapped_exposures_are_in_one_era_each counts those.
    union all
    select
        'drug_exposures' as table_name,
        'int_drug_exposures' as counted_in,
        count(*) as n_rows
    from exposures
    {%- endif %}
    union all
    select
        'adverse_events' as table_name,
        'fct_adverse_events, ' || protocol_id as counted_in,
        n_rows
    from event_counts
),

-- A file that the study does not bring has no row in the ledger and no records.
final as (
    select
        counted.table_name,
        counted.counted_in,
        counted.n_rows,
        ledger.n_accepted
    from counted
    left join ledger
        on counted.table_name = ledger.table_name
    where counted.n_rows is distinct from coalesce(ledger.n_accepted, 0)
)

select * from final

{%- if is_omop() -%}
with arms as (
    select * from {{ ref('int_protocol_arms') }}
),

rules as (
    select * from {{ ref('int_omop_steroid_rules') }}
),

eras as (
    select * from {{ ref('int_drug_eras') }}
),

refractory_eras as (
    select * from {{ ref('int_steroid_refractory_eras') }}
),

-- The rule can be asked of those who got a first drug of the protocol.
asked as (
    select distinct
        arms.protocol_id,
        eras.patient_id
    from arms
    inner join rules
        on arms.protocol_id = rules.protocol_id
    inner join eras
        on arms.failed_ingredient = eras.ingredient
),

first_refractory_eras as (
    select
        *,
        row_number() over (
            partition by protocol_id, patient_id
            order by failed_era_start_date, failed_ingredient
        ) as era_order
    from refractory_eras
),

final as (
    select
        asked.protocol_id,
        asked.patient_id,
        first_eras.patient_id is not null as steroid_refractory,
        first_eras.failed_ingredient,
        first_eras.failed_era_start_date,
        first_eras.lookback_days
    from asked
    left join first_refractory_eras as first_eras
        on
            asked.protocol_id = first_eras.protocol_id
            and asked.patient_id = first_eras.patient_id
            and first_eras.era_order = 1
)
{%- else -%}
with protocols as (
    select * from {{ ref('int_protocols') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

final as (
    select
        protocols.protocol_id,
        patients.patient_id,
        patients.steroid_refractory,
        cast(null as {{ dbt.type_string() }}) as failed_ingredient,
        cast(null as date) as failed_era_start_date,
        cast(null as integer) as lookback_days
    from protocols
    cross join patients
    where patients.steroid_refractory is not null
)
{%- endif %}

select * from final

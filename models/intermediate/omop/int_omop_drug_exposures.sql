with exposures as (
    select * from {{ ref('stg_omop__drug_exposure') }}
),

days_per_unit as (
    select * from {{ ref('int_omop_days_per_unit') }}
),

drug_types as (
    select * from {{ ref('int_omop_drug_types') }}
),

stop_reason_codes as (
    select * from {{ ref('int_omop_stop_reason_codes') }}
),

other_types as (
    select assumed_days
    from drug_types
    where drug_type_concept_id = 0
),

-- Rounded, since a quotient of decimals is off by less than anybody doses.
dosed as (
    select
        exposures.*,
        round(exposures.quantity * days_per_unit.days_per_unit, 6) as quantity_days
    from exposures
    left join days_per_unit
        on exposures.drug_concept_id = days_per_unit.drug_concept_id
),

-- How long it lasts where no end is recorded: the first of the three that is known.
measured as (
    select
        dosed.*,
        case
            when dosed.days_supply between 1 and {{ var('max_days') }}
                then dosed.days_supply
        end as supplied_days,
        case
            when dosed.quantity_days between 0.5 and {{ var('max_days') }}
                then cast(ceil(dosed.quantity_days) as integer)
        end as dosed_days,
        coalesce(drug_types.assumed_days, other_types.assumed_days, 1) as assumed_days,
        stop_reason_codes.stop_reason as stop_reason_code
    from dosed
    left join drug_types
        on dosed.drug_type_concept_id = drug_types.drug_type_concept_id
    left join other_types
        on true
    left join stop_reason_codes
        on dosed.stop_reason = stop_reason_codes.written_stop_reason
),

final as (
    select
        coalesce(drug_exposure_id, 0) as line_number,
        drug_exposure_id as exposure_id,
        person_id as patient_id,
        drug_concept_id as drug_name,
        cast(null as {{ dbt.type_string() }}) as route,
        cast(null as {{ double_type() }}) as dose,
        cast(null as {{ dbt.type_string() }}) as dose_unit,
        drug_exposure_start_date as start_date,
        coalesce(
            drug_exposure_end_date,
            {{ add_days(
                'drug_exposure_start_date',
                'coalesce(supplied_days, dosed_days, assumed_days) - 1'
            ) }}
        ) as end_date,
        case
            when drug_exposure_end_date is not null then 'recorded'
            when supplied_days is not null then 'days_supply'
            when dosed_days is not null then 'quantity'
            else 'drug_type'
        end as end_date_source,
        stop_reason_code as stop_reason,
        {{ missing_required({
            "drug_exposure_id": "'drug_exposure_id'",
            "person_id": "'person_id'",
            "drug_concept_id": "'drug_concept_id'",
            "drug_exposure_start_date": "'drug_exposure_start_date'"
        }) }}
    from measured
)

select * from final

{{ config(tags=['development']) }}
{#- A demo seed is sorted by its key: a record's line follows from its place. -#}

with records as (
    {{ input_records('drug_exposures') }}
),

placed as (
    select
        line_number,
        has_wrong_field_count,
        exposure_id,
        row_number() over (order by exposure_id) + 1 as expected
    from records
)

select *
from placed
where
    line_number is distinct from expected
    or has_wrong_field_count is distinct from false

-- A study's rules are never half read (SPEC 1): any bad row refuses its files.
select
    table_name,
    line_number,
    column_name,
    reason
from {{ ref('int_reference_problems') }}

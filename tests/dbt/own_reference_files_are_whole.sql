-- A study's rules are never half read (SPEC 1): any bad row refuses its files.
select * from {{ ref('int_reference_problems') }}

"""The thin Python of the salvage-therapy warehouse: gate, dbt run, audit, publication."""

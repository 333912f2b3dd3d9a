"""100,000 synthetic patients (1 million exposures) through `salvage run --input`.

Writes a folder of five CSV files of SYNTHETIC data, runs the command as a whole process and
prints its wall and CPU time and its peak memory.

    .venv/bin/python bench/hundred_thousand_patients.py [--patients 100000]

Exit status 1 where the run fails or its peak memory is above 4 GiB.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

BIN = Path(sys.executable).parent
LIMIT_GIB = 4

# hash() of a row's number stands in for chance, so that every run reads the same data.
TABLES = {
    "patients": """
        select
            'P' || n as patient_id,
            date '1940-01-01' + (hash(n) % 20000)::int as birth_date,
            ['F', 'M'][1 + (hash(n, 1) % 2)::int] as sex,
            case when hash(n, 2) % 10 < 8 then 'ulcerative colitis' else 'Crohn disease' end
                as diagnosis,
            date '2004-06-01' as diagnosis_date,
            hash(n, 3) % 10 < 9 as steroid_refractory,
            date '2012-12-31' as last_follow_up_date,
            case when hash(n, 4) % 20 = 0 then date '2010-01-01' + (hash(n, 5) % 700)::int end
                as death_date
        from range({n}) as numbers (n)
    """,
    "drug_exposures": """
        select
            'E' || n || '-' || k as exposure_id,
            'P' || n as patient_id,
            ['Cyclosporine', 'infliximab', 'REMICADE', 'Neoral', 'tacrolimus'][
                1 + (hash(n, k // 3) % 5)::int
            ] as drug_name,
            'iv' as route,
            100 as dose,
            'mg' as dose_unit,
            date '2005-01-01' + (k * 25 + hash(n, k, 1) % 20)::int as start_date,
            date '2005-01-01' + (k * 25 + 20 + hash(n, k, 1) % 20)::int as end_date,
            ['failure', 'failure', 'completed', 'adverse_event'][1 + (hash(n, k, 2) % 4)::int]
                as stop_reason
        from range({n}) as numbers (n), range(10) as courses (k)
    """,
    "disease_assessments": """
        select
            'A' || n || '-' || k as assessment_id,
            'P' || n as patient_id,
            date '2005-01-01' + (k * 40 + hash(n, k, 6) % 30)::int as assessment_date,
            ['remission', 'response', 'active'][1 + (hash(n, k, 7) % 3)::int] as disease_status,
            'Lichtiger' as score_name,
            (hash(n, k, 8) % 20)::int as score_value
        from range({n}) as numbers (n), range(8) as visits (k)
    """,
    "procedures": """
        select
            'O' || n as procedure_id,
            'P' || n as patient_id,
            ['colectomy', 'colonoscopy'][1 + (hash(n, 9) % 2)::int] as procedure_name,
            date '2005-06-01' + (hash(n, 10) % 900)::int as procedure_date
        from range({n}) as numbers (n)
    """,
    "adverse_events": """
        select
            'V' || n || '-' || k as adverse_event_id,
            'P' || n as patient_id,
            ['sepsis', 'headache', 'pancreatitis'][1 + (hash(n, k, 11) % 3)::int] as event_term,
            date '2005-01-01' + (hash(n, k, 12) % 900)::int as onset_date,
            null as resolution_date,
            1 + (hash(n, k, 13) % 4)::int as severity_grade,
            false as is_fatal,
            null as is_life_threatening,
            hash(n, k, 14) % 5 = 0 as is_hospitalization,
            null as is_disability,
            null as is_medically_important,
            null as outcome
        from range({n}) as numbers (n), range(2) as events (k)
    """,
}


def main() -> None:
    """Write the folder, run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    n_patients = parser.parse_args().patients
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table, query in TABLES.items():
            duckdb.sql(query.replace("{n}", str(n_patients))).write_csv(
                str(folder / f"{table}.csv")
            )
        output = folder / "output"
        command = [str(BIN / "salvage"), "run", "--input", name, "--output", str(output)]
        started = time.monotonic()
        outcome = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE)
        wall = time.monotonic() - started
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        peak_gib = usage.ru_maxrss / 1024**2
        print(outcome.stdout)
        size_mb = (output / "warehouse.duckdb").stat().st_size / 1e6
    print(
        f"{n_patients} patients: {wall:.0f} s wall, {usage.ru_utime + usage.ru_stime:.0f} CPU s, "
        f"peak {peak_gib:.2f} GiB (at most {LIMIT_GIB}), private build {size_mb:.0f} MB"
    )
    sys.exit(outcome.returncode != 0 or peak_gib > LIMIT_GIB)


if __name__ == "__main__":
    main()

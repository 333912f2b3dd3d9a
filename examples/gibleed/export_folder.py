"""Write the ulcerative colitis patients of an OMOP CDM as the five files of SPEC section 1.

Made for Eunomia's GiBleed data set, which is synthetic. Its patients with ulcerative colitis are
the 413 persons with SNOMED concept 81893, "Ulcerative colitis"; concept_ancestor holds no
descendant of 81893 but itself, so the concept alone gives all 413, each with one record of it.
What each file holds, and what it leaves empty, is said at the top of its query in sql/.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent

CDM_TABLES = (
    "concept",
    "concept_ancestor",
    "condition_occurrence",
    "death",
    "drug_exposure",
    "observation_period",
    "person",
    "procedure_occurrence",
    "visit_occurrence",
)

EXPORTED_FILES = (
    "patients",
    "drug_exposures",
    "disease_assessments",
    "procedures",
    "adverse_events",
    "ingredients",
    "drug_names",
    "procedure_names",
)

REVIEWED_FILES = ("protocols.csv", "protocol_arms.csv")


def export_folder(cdm: Path, output: Path) -> dict[str, int]:
    """Write an input folder for `salvage run` and return the number of records of each file.

    Args:
        cdm: folder with one `<table>.parquet` for each of CDM_TABLES (OMOP CDM 5.3).
        output: folder to write to; made where absent, files of the same names are replaced.

    Returns:
        Records (without header) by file name without suffix, for EXPORTED_FILES. The records are
        in the order of their ids, so that the same CDM gives the same bytes.

    Raises:
        FileNotFoundError: a table of the CDM is absent; nothing has been written then.

    """
    absent = [table for table in CDM_TABLES if not (cdm / f"{table}.parquet").is_file()]
    if absent:
        raise FileNotFoundError(f"{cdm} lacks {', '.join(f'{table}.parquet' for table in absent)}")
    output.mkdir(parents=True, exist_ok=True)

    records: dict[str, int] = {}
    with duckdb.connect() as connection:
        for table in CDM_TABLES:
            connection.read_parquet(str(cdm / f"{table}.parquet")).create_view(table)
        connection.execute(_query("cohort"))
        for name in EXPORTED_FILES:
            written = connection.execute(
                f"copy ({_query(name)}) to ? (format csv, header)", [str(output / f"{name}.csv")]
            ).fetchone()
            records[name] = written[0] if written else 0

    for file_name in REVIEWED_FILES:
        shutil.copyfile(HERE / file_name, output / file_name)
    return records


def _query(name: str) -> str:
    return (HERE / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 where the CDM is incomplete."""
    parser = argparse.ArgumentParser(description="Write GiBleed's colitis patients as CSV files.")
    parser.add_argument("--cdm", type=Path, required=True, help="folder of the CDM's Parquet files")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    options = parser.parse_args(arguments)
    try:
        records = export_folder(options.cdm, options.output)
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, count in records.items():
        print(f"{name + '.csv':<24} {count:>6} records")
    print(f"Next: salvage run --input {options.output} --output OUT")
    return 0


if __name__ == "__main__":
    sys.exit(main())

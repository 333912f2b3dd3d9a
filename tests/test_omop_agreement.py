"""A CDM and the five files that say the same give the same marts."""

from collections import Counter
from collections.abc import Sequence

import pytest

from salvage.project import public_marts
from tests.expected_marts import differences, named_as_published
from tests.harness import Marts, Project, Warehouse, compile_project
from tests.omop_export import Export, export_cohort
from tests.oracle.oracle import Row
from tests.oracle.strategies import seeded_cohort


@pytest.fixture(scope="module")
def omop_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return compile_project(tmp_path_factory.mktemp("omop"), is_omop=True)


@pytest.fixture(scope="module")
def omop_warehouse(omop_project: Project) -> Warehouse:
    return Warehouse(omop_project)


def comparable(marts: Marts) -> Marts:
    """The marts without what can only be said of one of the inputs.

    A CDM has no files, lines and hashes, and other column names; the reasons count. Why the
    disease is refractory is told in other words.
    """
    return {
        **{mart: marts[mart] for mart in public_marts()},
        "dq_row_ledger": without(marts["dq_row_ledger"], "file_name", "file_sha256"),
        "dq_quarantine": counted(marts["dq_quarantine"], "table_name", "reason"),
        "dq_unmapped_names": counted(marts["dq_unmapped_names"], "table_name"),
        "fct_decision_trace": [
            {**row, "explanation": None} if row["rule"] == "steroid_refractory" else row
            for row in marts["fct_decision_trace"]
        ],
    }


def without(rows: Sequence[Row], *columns: str) -> list[Row]:
    return [{name: row[name] for name in row if name not in columns} for row in rows]


def counted(rows: Sequence[Row], *columns: str) -> list[Row]:
    counts = Counter(tuple(row[name] for name in columns) for row in rows)
    return [{**dict(zip(columns, values, strict=True)), "n": n} for values, n in counts.items()]


def exported(seed: int, n_patients: int, *, damaged: bool) -> Export:
    return export_cohort(named_as_published(seeded_cohort(seed, n_patients)), seed, damaged=damaged)


def assert_agreement(warehouse: Warehouse, omop_warehouse: Warehouse, export: Export) -> None:
    files = warehouse.build(*export.cohort)
    cdm = omop_warehouse.build_from_cdm(export.cdm, export.rules, export.cohort.data_cutoff_date)
    assert differences(comparable(files), comparable(cdm)) == {}


@pytest.mark.parametrize("damaged", [False, True], ids=["clean", "damaged"])
@pytest.mark.parametrize("seed", range(12))
def test_a_cdm_gives_the_marts_of_the_five_files(
    warehouse: Warehouse, omop_warehouse: Warehouse, seed: int, damaged: bool
) -> None:
    assert_agreement(warehouse, omop_warehouse, exported(seed, 40, damaged=damaged))

"""Treatment lines on dense random courses, under all kinds of rules, against the oracle."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest

from tests.expected_lines import Rules
from tests.expected_marts import difference, expected_treatment_marts
from tests.harness import Warehouse
from tests.mutation.studies import REFERENCE
from tests.oracle.oracle import TABLES, Record, Tables

MARTS = ("fct_treatment_lines", "agg_treatment_paths", "agg_treatment_after_stop")
DRUGS = ("alphamab", "betasporine", "gammalimus", "deltatinib")
FIRST_DAY = date(2008, 1, 1)


@contextmanager
def under(warehouse: Warehouse, rules: Rules) -> Iterator[None]:
    """Let the warehouse build under these rules."""
    execute = warehouse.connection.execute
    execute("begin")
    shipped = execute("from reference.treatment_path_rules").fetchall()
    execute("commit")
    _set(warehouse, rules)
    try:
        yield
    finally:
        _set(warehouse, Rules(*shipped[0]))


def _set(warehouse: Warehouse, rules: Rules) -> None:
    warehouse.connection.execute("delete from reference.treatment_path_rules")
    warehouse.connection.execute(
        "insert into reference.treatment_path_rules values (?, ?, ?)", list(rules)
    )


def courses(seed: int, n_patients: int, n_days: int) -> Tables:
    """Patients who take up to four drugs in up to ten courses, close together."""
    generator = random.Random(seed)
    tables: dict[str, list[dict[str, str]]] = {"patients": [], "drug_exposures": []}

    def day(number: int) -> str:
        return (FIRST_DAY + timedelta(days=number)).isoformat()

    for number in range(n_patients):
        last_day = generator.randint(n_days // 2, n_days)
        death = generator.choice([None, None, last_day, last_day - 3, last_day + 3])
        tables["patients"].append(
            {
                "patient_id": f"p{number}",
                "last_follow_up_date": day(last_day),
                "death_date": "" if death is None else day(death),
            }
        )
        for _ in range(generator.randint(0, 10)):
            start = generator.randint(0, min(last_day, death or last_day))
            length = generator.choice([0, 0, 1, 2, 5, 10, 40])
            tables["drug_exposures"].append(
                {
                    "exposure_id": f"x{len(tables['drug_exposures'])}",
                    "patient_id": f"p{number}",
                    "drug_name": generator.choice(DRUGS),
                    "start_date": day(start),
                    "end_date": generator.choice([day(start + length)] * 9 + [""]),
                }
            )
    return {
        table: [
            Record(line, [row.get(column.name, "") for column in TABLES[table]])
            for line, row in enumerate(rows, start=2)
        ]
        for table, rows in tables.items()
    }


@pytest.mark.parametrize("seed", range(30))
def test_lines_are_those_of_the_oracle(warehouse: Warehouse, seed: int) -> None:
    generator = random.Random(seed)
    rules = Rules(
        generator.choice(["all", "all", "protocol_arms", "rescue"]),
        generator.choice([1, 2, 3, 5, 10, 30]),
        generator.choice([1, 3, 6, 10, 30]),
    )
    tables = courses(seed, 60, generator.choice([20, 60, 200]))
    cutoff = generator.choice([None, FIRST_DAY + timedelta(days=25)])
    with under(warehouse, rules):
        found = warehouse.build(tables, REFERENCE, cutoff, MARTS)
    expected = expected_treatment_marts(tables, REFERENCE, cutoff, rules)
    for mart in MARTS:
        assert found[mart], mart
        assert difference(expected[mart], found[mart]) is None, mart

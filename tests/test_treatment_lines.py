"""Treatment lines on dense random courses, under all kinds of rules, against the oracle."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise

import pytest

from tests.expected_lines import Rules
from tests.expected_marts import difference, expected_treatment_marts
from tests.harness import Warehouse
from tests.mutation.studies import REFERENCE
from tests.oracle.oracle import TABLES, Record, Row, Tables

MARTS = ("fct_treatment_lines", "agg_treatment_paths", "agg_treatment_after_stop")
DRUGS = ("alphamab", "betasporine", "gammalimus", "deltatinib")
FIRST_DAY = date(2008, 1, 1)


@contextmanager
def under(warehouse: Warehouse, rules: Rules) -> Iterator[None]:
    """Let the warehouse build under these rules."""
    query = "from reference.treatment_path_rules"
    shipped = warehouse.connection.execute(query).fetchall()
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


# ---- Relations ----------------------------------------------------------------------------------

relation = pytest.mark.parametrize("seed", range(5))
RULES = Rules("all", 5, 10)


def lines_under(warehouse: Warehouse, tables: Tables, rules: Rules) -> list[Row]:
    with under(warehouse, rules):
        return warehouse.build(tables, REFERENCE, None, MARTS)["fct_treatment_lines"]


@relation
def test_every_era_is_in_exactly_one_line(warehouse: Warehouse, seed: int) -> None:
    tables = courses(seed, 60, 60)
    with under(warehouse, RULES):
        marts = warehouse.build(tables, REFERENCE, None, ("fct_drug_eras", "fct_treatment_lines"))
    lines_begun = Counter(
        (line["patient_id"], drug, line["line_start_date"])
        for line in marts["fct_treatment_lines"]
        for drug in line["ingredients"]
    )
    eras = [
        (era["patient_id"], era["ingredient"], era["era_start_date"])
        for era in marts["fct_drug_eras"]
    ]
    assert eras
    assert {lines_begun[era] for era in eras} == {1}
    assert sum(line["n_eras"] for line in marts["fct_treatment_lines"]) == len(eras)


@relation
def test_lines_of_a_patient_follow_each_other(warehouse: Warehouse, seed: int) -> None:
    """No day is in two lines; what follows an addition keeps a drug."""
    lines = lines_under(warehouse, courses(seed, 60, 60), RULES)
    lines.sort(key=lambda line: (line["patient_id"], line["line_number"]))
    for line, following in pairwise(lines):
        if line["patient_id"] == following["patient_id"]:
            assert line["line_end_date"] < following["line_start_date"]
            kept = set(line["ingredients"]) & set(following["ingredients"])
            assert bool(kept) or line["end_reason"] != "add"
            assert line["end_reason"] in ("add", "switch", "stop")


@relation
def test_longer_overlap_asked_for_leaves_fewer_drugs_together(
    warehouse: Warehouse, seed: int
) -> None:
    """Lines begin on the same days, with the same drugs or fewer; some lose one."""
    tables = courses(seed, 60, 60)
    lax, strict = (
        {
            (line["patient_id"], line["line_start_date"]): set(line["ingredients"])
            for line in lines_under(warehouse, tables, RULES._replace(combination_overlap_days=n))
        }
        for n in (2, 8)
    )
    assert lax.keys() == strict.keys()
    assert all(strict[line] <= lax[line] for line in lax)
    assert lax != strict


@relation
def test_more_days_after_a_stop_make_switches_of_stops(warehouse: Warehouse, seed: int) -> None:
    """Nothing else of a line changes, and no switch becomes a stop."""
    tables = courses(seed, 60, 200)
    short, long = (
        sorted(
            lines_under(warehouse, tables, RULES._replace(after_stop_days=n)),
            key=lambda line: (line["patient_id"], line["line_number"]),
        )
        for n in (3, 20)
    )
    changes = set()
    for before, after in zip(short, long, strict=True):
        changes.add((before.pop("end_reason"), after.pop("end_reason")))
        assert before == after
    assert ("stop", "switch") in changes
    assert {change for change in changes if change[0] != change[1]} == {("stop", "switch")}


@relation
def test_other_drugs_change_nothing(warehouse: Warehouse, seed: int) -> None:
    """Where only the arms' drugs make lines, exposures to others may as well be absent."""
    arms = [row for row in REFERENCE["protocol_arms"] if row["arm_id"] != "c"]
    reference = {**REFERENCE, "protocol_arms": arms}
    tables = courses(seed, 60, 60)
    place = [column.name for column in TABLES["drug_exposures"]].index("drug_name")
    of_arms = [
        record
        for record in tables["drug_exposures"]
        if record.cells and record.cells[place] in ("alphamab", "betasporine")
    ]
    assert len(of_arms) < len(tables["drug_exposures"])
    with under(warehouse, RULES._replace(drugs="protocol_arms")):
        everything = warehouse.build(tables, reference, None, MARTS)
        alone = warehouse.build({**tables, "drug_exposures": of_arms}, reference, None, MARTS)
    for mart in MARTS:
        assert difference(everything[mart], alone[mart]) is None, mart

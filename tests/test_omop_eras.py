"""The era macro alone: both of its bodies on random data, and on a CDM that nobody here made."""

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import duckdb
import pytest

from tests.gibleed import GIBLEED, needs_gibleed
from tests.harness import Compile

Exposure = tuple[int, int, date, date]
Era = tuple[int, int, date, date, int, int]
Body = Callable[[str], str]
# DuckDB hands rows on in chunks of 2,048: a chunk's end must not show.
SIZES = [0, 1, 2, 3, 2_046, 2_047, 2_048, 2_049, 4_096, 4_097, 50_000, 130_000]


@pytest.fixture(scope="session", params=["duckdb__drug_eras", "default__drug_eras"])
def body(compile_inline: Compile, request: pytest.FixtureRequest) -> str:
    sql, said = compile_inline("{{ salvage." + request.param + "('exposures', 'ingredients') }}")
    assert sql, said
    return sql


@pytest.fixture(scope="session")
def eras_of_duckdb(compile_inline: Compile) -> str:
    sql, said = compile_inline("{{ drug_eras('exposures', 'ingredients') }}")
    assert sql, said
    return sql


def expected_eras(exposures: list[Exposure], gaps: dict[int, int]) -> list[Era]:
    """By the rule as SPEC 2 words it, one exposure after the other."""
    eras = []
    open_eras: dict[tuple[int, int], list[Exposure]] = {}
    for exposure in sorted(exposures, key=lambda one: one[:3]):
        patient, ingredient, start, _ = exposure
        if ingredient not in gaps:
            continue
        group = open_eras.setdefault((patient, ingredient), [])
        if group and start > max(one[3] for one in group) + timedelta(gaps[ingredient]):
            eras.append(group)
            group = open_eras[patient, ingredient] = []
        group.append(exposure)
    found = []
    for group in [*eras, *(group for group in open_eras.values() if group)]:
        first, last = min(one[2] for one in group), max(one[3] for one in group)
        covered = {
            day for one in group for day in range(one[2].toordinal(), one[3].toordinal() + 1)
        }
        uncovered = last.toordinal() - first.toordinal() + 1 - len(covered)
        found.append((*group[0][:2], first, last, len(group), uncovered))
    return sorted(found)


def random_exposures(size: int, seed: int) -> list[Exposure]:
    chance = random.Random(seed)
    exposures = []
    for _ in range(size):
        start = date(2000, 1, 1) + timedelta(chance.randrange(400))
        end = start + timedelta(chance.choice([0, 0, 1, 5, 9, 30, 120]))
        exposures.append((chance.randrange(size // 6 + 1), chance.randrange(5), start, end))
    return exposures


def run(
    sql: str,
    exposures: Sequence[tuple[int, int | None, date, date]],
    gaps: dict[int, int],
    threads: int = 2,
) -> list[Era]:
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute(
            "create table exposures (patient_number bigint, ingredient_number bigint, "
            "start_date date, end_date date)"
        )
        connection.execute(
            "create table ingredients (ingredient_number bigint, era_gap_days integer)"
        )
        if exposures:
            columns = [list(column) for column in zip(*exposures, strict=True)]
            connection.execute(
                "insert into exposures select unnest(?::bigint[]), unnest(?::bigint[]), "
                "unnest(?::date[]), unnest(?::date[])",
                columns,
            )
        for row in gaps.items():
            connection.execute("insert into ingredients values (?, ?)", row)
        # As dbt has it: rows of a table, in no order.
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"create table eras as {sql}")
        return sorted(connection.execute("select * from eras").fetchall())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_eras_of_random_exposures(body: str, size: int, threads: int) -> None:
    """Ingredient 4 is in no era; gaps of 0 days and of several."""
    gaps = {0: 0, 1: 7, 2: 30, 3: 70}
    exposures = random_exposures(size, seed=size + 1)
    assert run(body, exposures, gaps, threads) == expected_eras(exposures, gaps)


def test_an_exposure_without_ingredient_number_is_in_no_era(body: str) -> None:
    day = date(2020, 1, 1)
    assert run(body, [(1, None, day, day)], {1: 30}) == []


def test_no_ingredients_no_eras(body: str) -> None:
    day = date(2020, 1, 1)
    assert run(body, [(1, 1, day, day)], {}) == []


def test_first_and_last_day_of_the_calendar(body: str) -> None:
    exposures = [
        (0, 0, date(1, 1, 1), date(1, 1, 1)),
        (0, 0, date(9999, 12, 31), date(9999, 12, 31)),
        (0, 1, date(1, 1, 1), date(9999, 12, 31)),
        (1, 0, date(1, 1, 1), date(1, 1, 2)),
    ]
    found = run(body, exposures, {0: 30, 1: 30})
    assert [era[:5] for era in found] == [
        (0, 0, date(1, 1, 1), date(1, 1, 1), 1),
        (0, 0, date(9999, 12, 31), date(9999, 12, 31), 1),
        (0, 1, date(1, 1, 1), date(9999, 12, 31), 1),
        (1, 0, date(1, 1, 1), date(1, 1, 2), 1),
    ]


def test_the_greatest_number_of_patients(eras_of_duckdb: str) -> None:
    day = date(2020, 1, 1)
    # Two ingredients, and a number that is nobody's: three to a patient, 2^40 in all.
    last = 2**40 // 3 - 1
    exposures = [(last - 1, 1, day, day), (last - 1, 0, day, day)]
    assert [era[:2] for era in run(eras_of_duckdb, exposures, {0: 30, 1: 30})] == [
        (last - 1, 0),
        (last - 1, 1),
    ]
    with pytest.raises(duckdb.Error, match="too many patients and ingredients"):
        run(eras_of_duckdb, [(last + 1, 1, day, day)], {0: 30, 1: 30})


def test_a_date_that_does_not_fit_is_an_error(eras_of_duckdb: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table ingredients as select 1 as ingredient_number, 30 as era_gap_days"
        )
        connection.execute(
            "create table exposures as select 1 as patient_number, 1 as ingredient_number, "
            "date '0044-03-15 (BC)' as start_date, date '2020-01-01' as end_date"
        )
        with pytest.raises(duckdb.Error, match="a date outside the years 1 to 9999"):
            connection.execute(eras_of_duckdb).fetchall()


# ---- GiBleed -------------------------------------------------------------------------------------

DRUGS = """
    create table ingredients as
    select concept_id as ingredient_number, {gap} as era_gap_days
    from read_parquet('{cdm}/concept.parquet')
    where concept_class_id = 'Ingredient' and vocabulary_id = 'RxNorm';
    create table exposures as
    select
        person_id as patient_number,
        ancestor_concept_id as ingredient_number,
        drug_exposure_start_date as start_date,
        coalesce(
            drug_exposure_end_date,
            drug_exposure_start_date + cast(nullif(days_supply, 0) as integer) - 1,
            drug_exposure_start_date
        ) as end_date
    from read_parquet('{cdm}/drug_exposure.parquet')
    inner join read_parquet('{cdm}/concept_ancestor.parquet')
        on drug_concept_id = descendant_concept_id;
    create table shipped as
    select
        person_id as patient_number,
        drug_concept_id as ingredient_number,
        drug_era_start_date as era_start_date,
        drug_era_end_date as era_end_date,
        drug_exposure_count as n_exposures
    from read_parquet('{cdm}/drug_era.parquet');
"""
CONDITIONS = """
    create table ingredients as
    select distinct condition_concept_id as ingredient_number, {gap} as era_gap_days
    from read_parquet('{cdm}/condition_occurrence.parquet')
    where condition_concept_id <> 0;
    create table exposures as
    select
        person_id as patient_number,
        condition_concept_id as ingredient_number,
        condition_start_date as start_date,
        coalesce(condition_end_date, condition_start_date + 1) as end_date
    from read_parquet('{cdm}/condition_occurrence.parquet');
    create table shipped as
    select
        person_id as patient_number,
        condition_concept_id as ingredient_number,
        condition_era_start_date as era_start_date,
        condition_era_end_date as era_end_date,
        condition_occurrence_count as n_exposures
    from read_parquet('{cdm}/condition_era.parquet')
    where condition_concept_id <> 0;
"""
BUILT = "select patient_number, ingredient_number, era_start_date, era_end_date, n_exposures"


def compared(sql: str, tables: str, gap: int) -> tuple[int, int, int, set[tuple[object, ...]]]:
    """Eras shipped, built, equal; and the keys of the shipped ones that were not built."""
    with duckdb.connect() as connection:
        connection.execute(tables.format(cdm=GIBLEED, gap=gap))
        connection.execute(f"create table built as {BUILT} from ({sql})")
        counted = connection.execute(
            "select (select count(*) from shipped), (select count(*) from built), "
            "(select count(*) from (from shipped intersect all from built))"
        ).fetchone()
        missing = connection.execute(
            "select patient_number, ingredient_number, era_start_date "
            "from (from shipped except all from built)"
        ).fetchall()
        assert counted
        return (*counted, set(missing))


@needs_gibleed
def test_drug_eras_of_gibleed_but_the_known_exceptions(body: str) -> None:
    with duckdb.connect() as connection:
        known = connection.execute(
            "select person_id, drug_concept_id, cast(drug_era_start_date as date) "
            f"from read_csv('{GIBLEED}/drug_era_known_exceptions.csv')"
        ).fetchall()
    shipped, _, equal, missing = compared(body, DRUGS, gap=30)
    assert (shipped, equal, len(known)) == (52_508, 52_500, 8)
    assert missing == set(known)


@needs_gibleed
def test_condition_eras_of_gibleed(body: str) -> None:
    assert compared(body, CONDITIONS, gap=30) == (65_276, 65_276, 65_276, set())


@needs_gibleed
@pytest.mark.parametrize("gap", [29, 31])
@pytest.mark.parametrize(("tables", "equal"), [(DRUGS, 52_500), (CONDITIONS, 65_276)])
def test_another_gap_does_worse(eras_of_duckdb: str, tables: str, equal: int, gap: int) -> None:
    assert compared(eras_of_duckdb, tables, gap)[2] < equal

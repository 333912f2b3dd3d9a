"""The bench of eras against other ways: all four agree on traps, and it fails where one differs."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import duckdb
import pytest

from bench import eras_against_others
from bench.eras_against_others import METHODS, MODEL, OURS, answer_of, differences, measure
from bench.growth_of_eras import exponent
from bench.omop_data import prepare

pytestmark = pytest.mark.slow

N_PERSONS = 400
MEMORY_GIB = 1
# {chance}: a whole number from 0 on that looks random, by row and question.
TABLES = {
    "concept": """
        select * from (values
            (1, 'Drug One', 'RxNorm', 'Ingredient', 'S'),
            (2, 'Drug Two', 'RxNorm', 'Ingredient', 'S'),
            (3, 'Drug Three', 'RxNorm', 'Ingredient', 'S'),
            (11, 'Drug One 5 mg', 'RxNorm', 'Clinical Drug', 'S'),
            (12, 'Drug One and Two', 'RxNorm', 'Clinical Drug', 'S'),
            (13, 'Some vaccine', 'CVX', 'CVX', 'S')
        ) as concept (
            concept_id, concept_name, vocabulary_id, concept_class_id, standard_concept
        )""",
    # Concept 3 is its own ancestor, as in any CDM; 12 holds two ingredients.
    "concept_ancestor": """
        select * from (values
            (1, 1), (2, 2), (3, 3), (11, 11), (12, 12), (13, 13), (1, 11), (1, 12), (2, 12)
        ) as ancestor (ancestor_concept_id, descendant_concept_id)""",
    "person": """
        select
            i as person_id,
            8507 as gender_concept_id,
            case when i % 20 = 0 then 2010 else 1970 end as year_of_birth,
            1 + {chance(1)} % 12 as month_of_birth,
            1 + {chance(2)} % 28 as day_of_birth
        from range({n}) as t (i)""",
    # Some have two periods, some none: those are in no cohort.
    "observation_period": """
        select i % {n} as person_id, date '2011-12-31' - {chance(3)} % 900 as
            observation_period_end_date
        from range({n} + 50) as t (i)
        where i % 40 <> 7""",
    "death": """
        select i % {n} as person_id, date '2010-06-01' + {chance(4)} % 300 as death_date
        from range({n} + 30) as t (i)
        where i % 9 = 0""",
    # Starts that repeat, short exposures within long ones, ends on the gap's last day and the
    # day after, ends before starts, none at all, useless supplies, persons who are not there.
    "drug_exposure": """
        select
            i as drug_exposure_id,
            {chance(5)} % ({n} + 5) as person_id,
            [1, 3, 11, 12, 13, 0][1 + {chance(6)} % 6] as drug_concept_id,
            date '2009-06-01' + {chance(7)} % 60 * 10 as drug_exposure_start_date,
            case when {chance(8)} % 4 > 0 then
                drug_exposure_start_date
                + [-1, 0, 0, 9, 10, 20, 21, 30, 200][1 + {chance(9)} % 9]
            end as drug_exposure_end_date,
            38000177 as drug_type_concept_id,
            [null, 0, -3, 1, 10, 21, 5000000][1 + {chance(10)} % 7] as days_supply
        from range({n} * 15) as t (i)""",
}


@pytest.fixture(scope="module")
def cdm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cdm")
    for table, query in TABLES.items():
        for question in range(1, 11):
            query = query.replace(
                f"{{chance({question})}}",
                f"cast(('0x' || substr(md5('{table} {question} ' || i), 1, 7)) as integer)",
            )
        query = query.replace("{n}", str(N_PERSONS))
        duckdb.sql(query).write_parquet(str(folder / f"{table}.parquet"))
    return folder


@pytest.fixture(scope="module")
def answers(cdm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the eras by every method."""
    folder = tmp_path_factory.mktemp("answers")
    prepare(cdm, folder, [MODEL])
    for method in METHODS:
        measure(method, folder, cdm, MEMORY_GIB)
    return folder


def test_four_ways_find_the_same_eras(answers: Path) -> None:
    assert differences(answers, MEMORY_GIB) == []
    found = duckdb.sql(
        "select count(*) > 1000, max(n_exposures) > 5, count(distinct ingredient) "
        f"from '{answer_of(OURS, answers)}'"
    ).fetchone()
    assert found == (True, True, 3)


@pytest.fixture
def planted(answers: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """One era of a method made wrong; the method."""
    method, change = request.param
    answer = answer_of(method, answers)
    kept = answer.read_bytes()
    duckdb.sql(f"create or replace temp table eras as from '{answer}'")
    duckdb.sql(change.format(first="rowid = (select min(rowid) from eras)"))
    duckdb.sql("from eras").write_parquet(str(answer))
    yield method
    answer.write_bytes(kept)


@pytest.mark.parametrize(
    "planted",
    [
        ("pandas", "update eras set end_date = end_date + interval 1 day where {first}"),
        ("Polars", "update eras set n_exposures = n_exposures + 1 where {first}"),
        ("OHDSI", "delete from eras where {first}"),
        ("OHDSI", "insert into eras from eras where {first}"),
    ],
    indirect=True,
)
def test_a_planted_difference_fails_the_bench(
    planted: str, answers: Path, cdm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [sentence.split(":")[0] for sentence in differences(answers, MEMORY_GIB)] == [planted]
    assert bench_exit(monkeypatch, answers, cdm, dict.fromkeys(METHODS, 2.0) | {OURS: 1.0}) == 1


def test_the_bench_fails_where_ours_is_not_ahead(
    answers: Path, cdm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = dict.fromkeys(METHODS, 2.0) | {OURS: 1.0}
    assert bench_exit(monkeypatch, answers, cdm, ahead) == 0
    assert bench_exit(monkeypatch, answers, cdm, ahead | {"Polars": 1.0}) == 1


def bench_exit(
    monkeypatch: pytest.MonkeyPatch, answers: Path, cdm: Path, costs: dict[str, float]
) -> int:
    """Exit status of the bench over answers that are there, each at a given cost."""

    def measured(script: str, what: str, *places: str) -> dict[str, float]:
        return {"cost": costs.get(what, 0), "floor": 0.5, "peak GiB": 0.1}

    with monkeypatch.context() as patched:
        patched.setattr("tempfile.TemporaryDirectory", lambda: nullcontext(str(answers)))
        patched.setattr(eras_against_others, "cdm_folder", lambda n, data: nullcontext(cdm))
        patched.setattr(eras_against_others, "prepare", lambda cdm, folder, names: None)
        patched.setattr(eras_against_others, "in_a_process_of_its_own", measured)
        patched.setattr("sys.argv", ["bench", "400", "--rounds", "1", "--memory-gib", "1"])
        with pytest.raises(SystemExit) as ended:
            eras_against_others.main()
    return int(ended.value.code or 0)


def test_exponent_of_growth() -> None:
    assert exponent({10: 5.0, 100: 50.0, 1000: 500.0}) == pytest.approx(1)
    assert exponent({10: 1.0, 100: 100.0, 1000: 10_000.0}) == pytest.approx(2)

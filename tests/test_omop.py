"""`salvage run --omop`: a CDM through the real command.

That the marts are right is shown in test_omop_agreement; here: what a CDM can be, what becomes
of its faults, where the end of an exposure is taken from, and a study on data that nobody here
made.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.gibleed import GIBLEED, needs_gibleed
from tests.omop_export import write_cdm_file, write_cdm_folder, write_rules

ROOT = Path(__file__).resolve().parent.parent
PROTOCOL = ROOT / "examples" / "gibleed" / "protocol"
BIN = Path(sys.executable).parent

CYCLOSPORINE = 19010482
MILLIGRAM, GRAM = 8576, 8504
PRESCRIPTION, ADMINISTRATION, UNLISTED_TYPE = 38000177, 38000180, 45754907
NEW_YEAR = date(2020, 1, 1)

Rows = dict[str, list[dict[str, Any]]]


def run(
    *arguments: str | Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "salvage"), "run", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def query(database: Path, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql, parameters or None).fetchall()


def published(output: Path) -> Path:
    return output / "published" / "salvage.duckdb"


# ---- A CDM worked out by hand --------------------------------------------------------------------

# What an exposure from 2020-01-01 on says of its end, and the last day that it has.
ENDS: dict[str, tuple[dict[str, Any], str, date]] = {
    "recorded_end_wins": (
        {"drug_exposure_end_date": date(2020, 1, 10), "days_supply": 30, "quantity": 60.0},
        "recorded",
        date(2020, 1, 10),
    ),
    "days_supply_counts_the_first_day": ({"days_supply": 10}, "days_supply", date(2020, 1, 10)),
    "days_supply_of_1": ({"days_supply": 1}, "days_supply", date(2020, 1, 1)),
    "days_supply_before_quantity": (
        {"days_supply": 10, "quantity": 60.0},
        "days_supply",
        date(2020, 1, 10),
    ),
    "days_supply_over_the_leap_day": ({"days_supply": 61}, "days_supply", date(2020, 3, 1)),
    # 20 capsules of 50 mg, 100 mg a day: 10 days.
    "quantity_by_daily_dose": ({"quantity": 20.0}, "quantity", date(2020, 1, 10)),
    "no_days_supply_is_not_0_days": (
        {"days_supply": 0, "quantity": 20.0},
        "quantity",
        date(2020, 1, 10),
    ),
    # 5 capsules: two days and a half; the third day has begun.
    "quantity_for_half_a_day": ({"quantity": 5.0}, "quantity", date(2020, 1, 3)),
    "quantity_of_nothing": ({"quantity": 0.0}, "drug_type", date(2020, 1, 30)),
    "prescription_lasts_30_days": ({}, "drug_type", date(2020, 1, 30)),
    "administration_lasts_its_day": (
        {"drug_type_concept_id": ADMINISTRATION},
        "drug_type",
        date(2020, 1, 1),
    ),
    "unlisted_type_as_a_prescription": (
        {"drug_type_concept_id": UNLISTED_TYPE},
        "drug_type",
        date(2020, 1, 30),
    ),
    "no_type_as_a_prescription": (
        {"drug_type_concept_id": None},
        "drug_type",
        date(2020, 1, 30),
    ),
    # Its strength is in grams, the daily dose in milligrams: no guess is made.
    "strength_in_another_unit": (
        {"drug_concept_id": CYCLOSPORINE + 2, "quantity": 20.0},
        "drug_type",
        date(2020, 1, 30),
    ),
}
PERSON_OF = {case: person_id for person_id, case in enumerate(ENDS, start=101)}
RULES = {
    "omop_daily_doses": [
        {"ingredient_concept_id": CYCLOSPORINE, "daily_dose": 100, "unit_concept_id": MILLIGRAM}
    ]
}


def exposure(number: int | None, person_id: int | None, **values: Any) -> dict[str, Any]:
    return {
        "drug_exposure_id": number,
        "person_id": person_id,
        "drug_concept_id": CYCLOSPORINE + 1,
        "drug_exposure_start_date": NEW_YEAR,
        "drug_exposure_end_date": None,
        "drug_type_concept_id": PRESCRIPTION,
        "stop_reason": None,
        "quantity": None,
        "days_supply": None,
        **values,
    }


def person(person_id: int | None) -> dict[str, Any]:
    return {
        "person_id": person_id,
        "gender_concept_id": 8532,
        "year_of_birth": 1970,
        "month_of_birth": None,
        "day_of_birth": None,
        "birth_datetime": None,
    }


def period(person_id: int, last: date = date(2020, 12, 31)) -> dict[str, Any]:
    return {
        "observation_period_id": person_id,
        "person_id": person_id,
        "observation_period_start_date": date(2019, 1, 1),
        "observation_period_end_date": last,
    }


def small_cdm(*person_ids: int) -> Rows:
    """Persons with a capsule of cyclosporine in the vocabulary, and nothing else."""
    concepts = {0: "Ingredient", 1: "Clinical Drug", 2: "Clinical Drug"}
    return {
        "person": [person(person_id) for person_id in person_ids],
        "observation_period": [period(person_id) for person_id in person_ids],
        "concept": [
            {
                "concept_id": CYCLOSPORINE + number,
                "concept_name": f"Cyclosporine {number}",
                "vocabulary_id": "RxNorm",
                "concept_class_id": concept_class,
                "standard_concept": "S",
            }
            for number, concept_class in concepts.items()
        ],
        "concept_ancestor": [
            {
                "ancestor_concept_id": CYCLOSPORINE,
                "descendant_concept_id": CYCLOSPORINE + number,
            }
            for number in concepts
        ],
        "drug_strength": [
            {
                "drug_concept_id": CYCLOSPORINE + number,
                "ingredient_concept_id": CYCLOSPORINE,
                "amount_value": amount,
                "amount_unit_concept_id": unit,
            }
            for number, amount, unit in ((1, 50.0, MILLIGRAM), (2, 0.05, GRAM))
        ],
        "drug_exposure": [],
        "death": [],
    }


def worked_cdm() -> Rows:
    """The cases of ENDS, a person each, and a record or two for every fault that a CDM can hold."""
    cdm = small_cdm(*PERSON_OF.values(), 201, 202, 203, 204)
    for case, (says, _, _) in ENDS.items():
        cdm["drug_exposure"].append(exposure(PERSON_OF[case], PERSON_OF[case], **says))
    end = {"drug_exposure_end_date": date(2020, 1, 5)}
    cdm["drug_exposure"] += [
        # The same key for two exposures: both are kept.
        exposure(2010, 201, **end),
        exposure(2010, 201, **end | {"drug_exposure_start_date": date(2020, 1, 2)}),
        exposure(2011, 201, drug_exposure_end_date=date(2019, 12, 31)),  # ends before it starts
        exposure(2020, 999, **end),  # nobody
        exposure(2021, None, **end),
        exposure(None, 201, **end),
        exposure(2022, 201, **end | {"drug_exposure_start_date": None}),
        exposure(2030, 203, drug_exposure_start_date=date(2020, 3, 2), days_supply=1),
        exposure(2040, 204, **end),  # of a person without an observation period
        exposure(2050, 201, **end | {"drug_concept_id": 0}),
        exposure(2060, 202, days_supply=400),  # beyond the observation period
    ]
    cdm["death"].append({"person_id": 203, "death_date": date(2020, 3, 1)})
    cdm["death"].append({"person_id": 998, "death_date": date(2020, 3, 1)})
    cdm["observation_period"] = [
        row for row in cdm["observation_period"] if row["person_id"] != 204
    ]
    return cdm


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """The CDM worked out by hand as a DuckDB file, the folder of its results, what was said."""
    folder = tmp_path_factory.mktemp("worked")
    cdm = write_cdm_file(worked_cdm(), folder / "cdm.duckdb")
    before = hashlib.sha256(cdm.read_bytes()).hexdigest()
    rules = write_rules(RULES, folder / "rules")
    output = folder / "output"
    result = run("--omop", cdm, "--protocol-dir", rules, "--output", output)
    assert result.returncode == 0, result.stdout + result.stderr
    assert hashlib.sha256(cdm.read_bytes()).hexdigest() == before
    assert sorted(path.name for path in folder.iterdir()) == ["cdm.duckdb", "output", "rules"]
    return cdm, output, result.stdout + result.stderr


@pytest.mark.parametrize("case", ENDS)
def test_last_day_of_an_exposure(worked: tuple[Path, Path, str], case: str) -> None:
    _, output, _ = worked
    _, _, last_day = ENDS[case]
    eras = query(
        published(output),
        "select ingredient, era_start_date, era_end_date from marts.fct_drug_eras "
        "where patient_id = $patient_id",
        patient_id=str(PERSON_OF[case]),
    )
    assert eras == [("cyclosporine", NEW_YEAR, last_day)]


def test_each_inference_is_counted(worked: tuple[Path, Path, str]) -> None:
    _, output, _ = worked
    found = {
        (table, finding): n_records
        for table, finding, n_records in query(
            published(output), "select cdm_table, finding, n_records from marts.dq_omop_records"
        )
    }
    sources = [source for _, source, _ in ENDS.values()]
    # Of the other eleven exposures two say their supply, and nine their end.
    assert found == {
        ("drug_exposure", "end_date_from_recorded"): sources.count("recorded") + 9,
        ("drug_exposure", "end_date_from_days_supply"): sources.count("days_supply") + 2,
        ("drug_exposure", "end_date_from_quantity"): sources.count("quantity"),
        ("drug_exposure", "end_date_from_drug_type"): sources.count("drug_type"),
        ("drug_exposure", "repeated_drug_exposure_id"): 1,
        ("drug_exposure", "without_rxnorm_ingredient"): 1,
        ("drug_exposure", "with_mapped_stop_reason"): 0,
        ("observation_period", "without_person"): 0,
        ("death", "without_person"): 1,
    }


def test_faults_of_the_cdm_are_in_the_ledger(worked: tuple[Path, Path, str]) -> None:
    _, output, said = worked
    ledger = query(
        published(output),
        "select file_name, n_records, n_accepted, n_collapsed, n_quarantined, n_end_dates_cut "
        "from marts.dq_row_ledger where table_name in ('patients', 'drug_exposures') order by all",
    )
    n_cases = len(ENDS)
    assert ledger == [
        ("drug_exposure", n_cases + 11, n_cases + 4, 0, 7, 1),
        ("person", n_cases + 4, n_cases + 3, 0, 1, 0),
    ]
    quarantine = query(
        published(output),
        "select table_name, line_number, reason, column_name from marts.dq_quarantine",
    )
    assert sorted(quarantine, key=str) == sorted(
        [
            ("patients", 204, "missing_required", "observation_period_end_date"),
            ("drug_exposures", 2011, "end_before_start", "end_date"),
            ("drug_exposures", 2020, "orphan_patient", "patient_id"),
            ("drug_exposures", 2021, "missing_required", "person_id"),
            ("drug_exposures", 0, "missing_required", "drug_exposure_id"),
            ("drug_exposures", 2022, "missing_required", "drug_exposure_start_date"),
            ("drug_exposures", 2030, "after_death", "start_date"),
            ("drug_exposures", 2040, "orphan_patient", "patient_id"),
        ],
        key=str,
    )
    assert "8 records are kept out" in said


def test_a_repeated_exposure_id_is_kept(worked: tuple[Path, Path, str]) -> None:
    _, output, _ = worked
    assert query(
        published(output),
        "select n_exposures from marts.fct_drug_eras where patient_id = '201'",
    ) == [(2,)]


@pytest.mark.slow
def test_dbt_alone_builds_the_same(worked: tuple[Path, Path, str], tmp_path: Path) -> None:
    """`dbt build --vars`, from the root; the study's own rules are `salvage run`'s alone."""
    cdm, output, _ = worked
    warehouse = tmp_path / "alone.duckdb"
    variables = f"{{input: omop, omop: {cdm}}}"
    command: list[str | Path] = [
        BIN / "dbt",
        "build",
        "--profiles-dir",
        "profiles",
        "--vars",
        variables,
    ]
    built = subprocess.run(
        [*command, "--target-path", tmp_path / "target", "--log-path", tmp_path / "logs"],
        cwd=ROOT,
        env={**os.environ, "SALVAGE_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout[-3000:]
    quarantine = "from marts.dq_quarantine order by all"
    assert query(warehouse, quarantine) == query(published(output), quarantine)


# ---- What is refused -----------------------------------------------------------------------------


def altered(cdm: Path, *statements: str) -> Path:
    with duckdb.connect(str(cdm)) as connection:
        for statement in statements:
            connection.execute(statement)
    return cdm


def nothing_there(folder: Path) -> str:
    return str(folder / "none.duckdb")


def not_a_database(folder: Path) -> str:
    (folder / "cdm.duckdb").write_text("person_id,secret\n1,4711\n" * 1000, encoding="utf-8")
    return str(folder / "cdm.duckdb")


def not_parquet(folder: Path) -> str:
    cdm = write_cdm_folder(small_cdm(1), folder / "cdm")
    (cdm / "death.parquet").write_text("4711", encoding="utf-8")
    return str(cdm)


def empty_folder(folder: Path) -> str:
    (folder / "cdm").mkdir()
    return str(folder / "cdm")


def changed(*statements: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        cdm = small_cdm(4711)
        cdm["drug_exposure"].append(exposure(4711, 4711))
        return str(altered(write_cdm_file(cdm, folder / "cdm.duckdb"), *statements))

    return make


REFUSED = {
    "nothing_there": (nothing_there, "no such file or folder"),
    "not_a_database": (not_a_database, "not a valid DuckDB database"),
    "not_parquet": (not_parquet, "cannot be opened"),
    "empty_folder": (empty_folder, "holds no table person"),
    "no_person": (changed("drop table person"), "holds no table person"),
    "no_drug_exposure": (changed("drop table drug_exposure"), "holds no table drug_exposure"),
    "no_start_date": (
        changed("alter table drug_exposure drop drug_exposure_start_date"),
        "drug_exposure holds no column drug_exposure_start_date",
    ),
    "ids_as_text": (
        changed("alter table person alter person_id type varchar"),
        "person, column person_id: of type VARCHAR, where the CDM has BIGINT",
    ),
    "dates_as_text": (
        changed("alter table drug_exposure alter drug_exposure_start_date type varchar"),
        "drug_exposure_start_date: of type VARCHAR, where the CDM has DATE",
    ),
    "password": (
        lambda folder: "postgresql://reader:4711@127.0.0.1:1/cdm",
        "holds a password",
    ),
    "password_as_a_parameter": (
        lambda folder: "postgresql://127.0.0.1:1/cdm?user=reader&password=4711",
        "holds a password",
    ),
    "no_server": (lambda folder: "postgresql://reader@127.0.0.1:1/cdm", "cannot be opened"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_cdm_that_cannot_be_used_is_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    make, cause = REFUSED[case]
    location = make(tmp_path)
    result = run("--omop", location, "--output", tmp_path / "output")
    said = result.stdout + result.stderr
    assert result.returncode == 2, said
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert cause in errors[0]
    assert "4711" not in said
    assert "Traceback" not in said
    assert not (tmp_path / "output" / "published").exists()


def test_two_inputs_exclude_each_other(tmp_path: Path) -> None:
    result = run("--omop", tmp_path, "--input", tmp_path, "--output", tmp_path / "output")
    assert result.returncode == 2
    assert "exclude each other" in result.stderr


def test_rules_without_a_cdm_are_refused(tmp_path: Path) -> None:
    result = run("--protocol-dir", tmp_path, "--output", tmp_path / "output")
    assert result.returncode == 2
    assert "--protocol-dir goes with --omop" in result.stderr


def test_a_bad_rule_is_refused_by_file_line_and_column(tmp_path: Path) -> None:
    cdm = write_cdm_folder(small_cdm(1), tmp_path / "cdm")
    rules = {"omop_daily_doses": [RULES["omop_daily_doses"][0] | {"daily_dose": -4711}]}
    folder = write_rules(rules, tmp_path / "rules")
    result = run("--omop", cdm, "--protocol-dir", folder, "--output", tmp_path / "output")
    said = result.stdout + result.stderr
    assert result.returncode == 2, said
    assert "omop_daily_doses.csv, line 2, column daily_dose: not a number of its kind" in said
    assert "4711" not in said


def test_values_that_no_cdm_holds_stop_the_run_without_being_shown(tmp_path: Path) -> None:
    """The types are right, the values are not: beyond the type's range, beyond the calendar."""
    cdm = small_cdm(1)
    cdm["drug_exposure"].append(exposure(1, 1))
    file = altered(
        write_cdm_file(cdm, tmp_path / "cdm.duckdb"),
        "alter table drug_exposure alter drug_exposure_id type hugeint",
        "update drug_exposure set drug_exposure_id = 99999999999999994711",
    )
    result = run("--omop", file, "--output", tmp_path / "output")
    said = result.stdout + result.stderr
    assert result.returncode in (1, 2), said
    assert "4711" not in said
    assert "Traceback" not in said
    pages = (tmp_path / "output").rglob("*.html")
    assert all("4711" not in page.read_text(encoding="utf-8") for page in pages)


# ---- A study on GiBleed --------------------------------------------------------------------------

# The arms of examples/gibleed/protocol, in the CDM's concepts.
GIBLEED_FIGURES = """
with arms (arm_id, failed_concept_id, salvage_concept_id) as (
    values
        ('celecoxib_after_ibuprofen', 1177480, 1118084),
        ('celecoxib_after_naproxen', 1115008, 1118084),
        ('ibuprofen_after_celecoxib', 1118084, 1177480),
        ('diclofenac_after_ibuprofen', 1177480, 1124300)
),

observed as (
    select
        person.person_id,
        cast(person.birth_datetime as date) as birth_date,
        (
            select max(observation_period.observation_period_end_date)
            from read_parquet($cdm || '/observation_period.parquet') as observation_period
            where observation_period.person_id = person.person_id
        ) as last_date
    from read_parquet($cdm || '/person.parquet') as person
),

-- Nobody dies in GiBleed, and every end is recorded.
exposures as (
    select
        drug_exposure.person_id,
        concept_ancestor.ancestor_concept_id as ingredient_concept_id,
        drug_exposure.drug_exposure_start_date as start_date,
        least(drug_exposure.drug_exposure_end_date, observed.last_date) as end_date
    from read_parquet($cdm || '/drug_exposure.parquet') as drug_exposure
    inner join observed using (person_id)
    inner join read_parquet($cdm || '/concept_ancestor.parquet') as concept_ancestor
        on drug_exposure.drug_concept_id = concept_ancestor.descendant_concept_id
    where
        concept_ancestor.ancestor_concept_id in (1177480, 1118084, 1115008, 1124300)
        and drug_exposure.drug_exposure_start_date
            between observed.birth_date and observed.last_date
        and drug_exposure.drug_exposure_end_date >= drug_exposure.drug_exposure_start_date
),

-- An era starts where no earlier exposure reaches, and ends with the last one before the next.
starts as (
    select distinct person_id, ingredient_concept_id, start_date as era_start
    from exposures
    where not exists (
        select 1 from exposures as earlier
        where
            earlier.person_id = exposures.person_id
            and earlier.ingredient_concept_id = exposures.ingredient_concept_id
            and earlier.start_date < exposures.start_date
            and earlier.end_date + 30 >= exposures.start_date
    )
),

eras as (
    select
        starts.person_id,
        starts.ingredient_concept_id,
        starts.era_start,
        max(exposures.end_date) as era_end
    from starts
    inner join exposures
        on
            starts.person_id = exposures.person_id
            and starts.ingredient_concept_id = exposures.ingredient_concept_id
            and starts.era_start = (
                select max(latest.era_start) from starts as latest
                where
                    latest.person_id = exposures.person_id
                    and latest.ingredient_concept_id = exposures.ingredient_concept_id
                    and latest.era_start <= exposures.start_date
            )
    group by all
),

episodes as (
    select
        arms.arm_id,
        salvage.person_id,
        salvage.era_start as salvage_start,
        salvage.era_end as salvage_end,
        salvage.era_start - max_by(failed.era_end, failed.era_start) as gap_days
    from arms
    inner join eras as salvage on arms.salvage_concept_id = salvage.ingredient_concept_id
    inner join eras as failed
        on
            arms.failed_concept_id = failed.ingredient_concept_id
            and salvage.person_id = failed.person_id
            and failed.era_start < salvage.era_start
    group by arms.arm_id, salvage.person_id, salvage.era_start, salvage.era_end
),

within_window as (
    select * from episodes
    where gap_days between 0 and 365
),

analysed as (
    select * from within_window as candidate
    where not exists (
        select 1 from within_window as other
        where
            other.person_id = candidate.person_id
            and (other.salvage_start, other.arm_id) < (candidate.salvage_start, candidate.arm_id)
    )
),

occurrences as (
    select
        condition_occurrence.person_id,
        condition_occurrence.condition_start_date as onset,
        rules.event_term
    from read_parquet($cdm || '/condition_occurrence.parquet') as condition_occurrence
    inner join (
        select 'gastrointestinal haemorrhage' as event_term, descendant_concept_id as concept_id
        from read_parquet($cdm || '/concept_ancestor.parquet')
        where ancestor_concept_id = 192671
        union
        select 'peptic ulcer', descendant_concept_id
        from read_parquet($cdm || '/concept_ancestor.parquet')
        where ancestor_concept_id = 4027663
        union
        values ('gastrointestinal haemorrhage', 192671), ('peptic ulcer', 4027663)
    ) as rules
        on condition_occurrence.condition_concept_id = rules.concept_id
    inner join observed
        on
            condition_occurrence.person_id = observed.person_id
            and condition_occurrence.condition_start_date
                between observed.birth_date and observed.last_date
),

new_events as (
    select * from occurrences
    where not exists (
        select 1 from occurrences as earlier
        where
            earlier.person_id = occurrences.person_id
            and earlier.event_term = occurrences.event_term
            and earlier.onset between occurrences.onset - 365 and occurrences.onset - 1
    )
),

serious_events as (
    select
        analysed.arm_id,
        new_events.*
    from new_events
    inner join analysed using (person_id)
    inner join observed using (person_id)
    where
        new_events.onset >= analysed.salvage_start
        and new_events.onset <= least(analysed.salvage_end + 365, observed.last_date)
        and exists (
            select 1 from read_parquet($cdm || '/visit_occurrence.parquet') as visit
            where
                visit.person_id = new_events.person_id
                and visit.visit_concept_id = 9201
                and new_events.onset between visit.visit_start_date and visit.visit_end_date
        )
)

select 'persons' as figure, count(*) as value from observed
union all
select 'exposed to a first drug', count(distinct person_id)
from eras where ingredient_concept_id in (select failed_concept_id from arms)
union all
select 'got a second drug', count(distinct person_id) from episodes
union all
select 'within the window', count(distinct person_id) from within_window
union all
select 'eras ' || ingredient_concept_id, count(*) from eras group by ingredient_concept_id
union all
select 'era days ' || ingredient_concept_id, sum(era_end - era_start + 1)
from eras group by ingredient_concept_id
union all
select 'episodes ' || arm_id, count(*) from episodes group by arm_id
union all
select 'gap days ' || arm_id, sum(gap_days) from episodes group by arm_id
union all
select 'patients ' || arm_id, count(*) from analysed group by arm_id
union all
select 'serious events ' || arm_id, count(*) from serious_events group by arm_id
union all
select 'patients with serious events ' || arm_id, count(distinct person_id)
from serious_events group by arm_id
union all
select 'new events ' || event_term, count(*) from new_events group by event_term
"""
PUBLISHED_FIGURES = """
with concepts (ingredient, concept_id) as (
    values
        ('ibuprofen', 1177480), ('celecoxib', 1118084),
        ('naproxen', 1115008), ('diclofenac', 1124300)
)

select
    case step
        when 'all_patients' then 'persons'
        when 'exposed_to_failed_drug' then 'exposed to a first drug'
        when 'received_alternate_drug' then 'got a second drug'
        else 'within the window'
    end as figure,
    n_remaining as value
from marts.agg_cohort_attrition
where
    step in (
        'all_patients', 'exposed_to_failed_drug', 'received_alternate_drug',
        'within_salvage_window'
    )
union all
select 'eras ' || concept_id, count(*)
from marts.fct_drug_eras inner join concepts using (ingredient) group by concept_id
union all
select 'era days ' || concept_id, sum(era_end_date - era_start_date + 1)
from marts.fct_drug_eras inner join concepts using (ingredient) group by concept_id
union all
select 'episodes ' || arm_id, count(*) from marts.fct_salvage_episodes group by arm_id
union all
select 'gap days ' || arm_id, sum(gap_days) from marts.fct_salvage_episodes group by arm_id
union all
select 'patients ' || arm_id, n_patients
from marts.agg_adverse_events_by_arm where arm_id <> 'all'
union all
select 'serious events ' || arm_id, n_sae_events
from marts.agg_adverse_events_by_arm where arm_id <> 'all' and n_sae_events > 0
union all
select 'patients with serious events ' || arm_id, n_patients_with_sae
from marts.agg_adverse_events_by_arm where arm_id <> 'all' and n_patients_with_sae > 0
union all
select 'new events ' || event_term, count(*)
from marts.fct_adverse_events group by event_term
"""


@pytest.fixture(scope="module")
def gibleed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("gibleed")
    result = run("--omop", GIBLEED, "--protocol-dir", PROTOCOL, "--output", output)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "warning: drug_strength: the CDM holds no such table" in result.stderr
    return published(output)


@needs_gibleed
def test_gibleed_figures_are_those_of_sql_over_the_source(gibleed: Path) -> None:
    with duckdb.connect() as connection:
        by_hand = connection.execute(GIBLEED_FIGURES, {"cdm": str(GIBLEED)}).fetchall()
    assert len(by_hand) >= 30
    assert dict(query(gibleed, PUBLISHED_FIGURES)) == dict(by_hand)


@needs_gibleed
def test_gibleed_has_patients_and_curves_in_every_arm(gibleed: Path) -> None:
    arms = query(gibleed, "select arm_id, n_patients from marts.agg_remission_by_arm")
    assert len(arms) == 5
    assert all(n_patients > 0 for _, n_patients in arms)
    with_curves = query(gibleed, "select distinct arm_id from marts.agg_colectomy_free_survival")
    assert sorted(with_curves) == sorted((arm_id,) for arm_id, _ in arms)


@needs_gibleed
def test_gibleed_publishes_what_only_a_cdm_has(gibleed: Path) -> None:
    marts = {name for (name,) in query(gibleed, "select table_name from duckdb_tables()")}
    assert "dq_omop_records" in marts
    assert "dim_patients" in marts


@needs_gibleed
def test_gibleed_says_that_it_comes_from_a_cdm(gibleed: Path) -> None:
    said = query(gibleed, "select input, is_synthetic, data_cutoff_date from publication.build")
    assert said == [("omop", False, None)]
    arms = query(
        gibleed,
        "select failed_ingredient, salvage_ingredient, window_days from marts.dim_protocol_arms",
    )
    assert sorted(arms) == [
        ("celecoxib", "ibuprofen", 365),
        ("ibuprofen", "celecoxib", 365),
        ("ibuprofen", "diclofenac", 365),
        ("naproxen", "celecoxib", 365),
    ]


# ---- PostgreSQL ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of our own, without a password."""
    folder = tmp_path_factory.mktemp("postgres")
    started = subprocess.run(
        [ROOT / "tests" / "postgres.sh", "start", folder], capture_output=True, text=True
    )
    if started.returncode != 0:
        pytest.skip(f"no PostgreSQL server can be started here: {started.stderr.strip()[-200:]}")
    try:
        yield started.stdout.strip()
    finally:
        subprocess.run([ROOT / "tests" / "postgres.sh", "stop", folder], check=False)


@pytest.mark.slow
def test_an_attached_postgresql_gives_the_same_marts(
    postgres: str, worked: tuple[Path, Path, str], tmp_path: Path
) -> None:
    cdm, file_output, _ = worked
    with duckdb.connect() as connection:
        from salvage.cdm import load_postgres

        load_postgres(connection)
        connection.execute(f"attach '{postgres}' as server (type postgres)")
        connection.execute(f"attach '{cdm}' as file (read_only)")
        connection.execute("create schema server.omop")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'file'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"create table server.omop.{table} as from file.{table}")
    rules = write_rules(RULES, tmp_path / "rules")
    output = tmp_path / "output"
    result = run(
        *("--omop", postgres, "--omop-database", "hospital", "--omop-schema", "omop"),
        *("--protocol-dir", rules, "--output", output),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    with duckdb.connect(str(output / "warehouse.duckdb"), read_only=True) as connection:
        views = connection.execute(
            "select sql from duckdb_views() where view_name = 'stg_omop__person'"
        ).fetchall()
    assert "hospital.omop.person" in str(views)
    marts = query(
        published(output),
        "select table_name from duckdb_tables() where schema_name = 'marts' order by all",
    )
    assert len(marts) > 20
    for (mart,) in marts:
        rows = f"from marts.{mart} order by all"
        assert query(published(output), rows) == query(published(file_output), rows), mart


def test_the_cdm_in_postgresql_cannot_be_written_to(postgres: str) -> None:
    from salvage.cdm import Cdm, attach_cdm

    with duckdb.connect() as connection:
        attach_cdm(connection, Cdm(postgres, "cdm", "public"))
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("create table cdm.public.x (i integer)")


def test_a_schema_that_is_not_there_is_named(postgres: str, tmp_path: Path) -> None:
    result = run("--omop", postgres, "--omop-schema", "nope", "--output", tmp_path / "output")
    assert result.returncode == 2
    assert "holds no table person (schema nope)" in result.stderr


def test_schema_of_postgresql_is_public_where_none_is_given(postgres: str, tmp_path: Path) -> None:
    """Of a file or folder it is main: every other test here."""
    result = run("--omop", postgres, "--output", tmp_path / "output")
    assert result.returncode == 2
    assert "holds no table person (schema public)" in result.stderr

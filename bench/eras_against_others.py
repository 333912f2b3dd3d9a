"""Drug eras of an OMOP CDM: this project's, against pandas, Polars and OHDSI's method in SQL.

All four read the same Parquet files and answer the same question: which eras (person,
ingredient, first and last day, number of exposures) do the exposures join up to, by SPEC 2 with
a gap of 30 days, where exposures have the ends of docs/omop.md, none lies outside a person's
life or observation, and each counts for every ingredient of its drug? The answers are compared
row by row.

- ours: int_drug_eras and all that it reads, the SQL that dbt runs (compiled with `input: omop`);
  the ledger of persons is made on the way.
- pandas, Polars: data frames in memory. pandas gets its columns from DuckDB's reader, which is
  no slower than its own.
- OHDSI: the method of the script that fills `drug_era`, written from its published rule (The
  Book of OHDSI, chapter 4; CDM 5.4, table DRUG_ERA): starts and ends of the exposures of one
  person and ingredient are put into one row of events; a stretch ends where as many ends have
  passed as starts. First without a gap (sub-exposures), then again with the ends put off by 30
  days (eras). As SQL on DuckDB, a temporary table for each step as there.

Each measurement is a process of its own, two threads: CPU time from the files to the eras in
memory (ours: in a database file). The floor is that of eras_against_floor.py.

    .venv/bin/python bench/eras_against_others.py [PERSONS] [--rounds 3] [--memory-gib 8]
        [--data FOLDER]

The memory is a limit for DuckDB; data frames know none. Exit status 1 where an answer differs
from ours, or another way took no more CPU time.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb
import pandas as pd
import polars as pl

from bench import eras_against_floor
from bench.omop_data import (
    built,
    cdm_folder,
    circumstances,
    cpu_seconds,
    duckdb_config,
    in_a_process_of_its_own,
    peak_gib,
    prepare,
)

OURS = "ours"
MODEL = "int_drug_eras"
GAP = timedelta(days=30)
# Days of an exposure without an end and without a usable supply: a prescription's.
ASSUMED_DAYS = 30
MAX_DAYS = 1_000_000
KEY = ["person_id", "ingredient"]
ERA = "person_id, ingredient, start_date, end_date, n_exposures"


def ours(folder: Path, cdm: Path, memory_gib: float, answer: Path) -> float:
    """Build the models; write the eras to `answer`, return the CPU seconds without that."""
    with built(folder, cdm, memory_gib) as (connection, spent):
        connection.execute(
            "copy (select patient_id as person_id, ingredient, era_start_date as start_date, "
            f"era_end_date as end_date, n_exposures from intermediate.{MODEL}) to '{answer}'"
        )
    return sum(spent.values())


def by_pandas(folder: Path, cdm: Path, memory_gib: float, answer: Path) -> float:
    """The same with pandas."""

    def read(table: str, *columns: str) -> pd.DataFrame:
        with duckdb.connect(config=duckdb_config(folder, memory_gib)) as connection:
            wanted = ", ".join(columns)
            return connection.execute(f"select {wanted} from '{cdm}/{table}.parquet'").df()

    before = cpu_seconds()
    parts = ["year", "month", "day"]
    births = read("person", "person_id", *(f"{part}_of_birth as {part}" for part in parts))
    births["birth_date"] = pd.to_datetime(births[parts])
    periods = read("observation_period", "person_id", "observation_period_end_date")
    deaths = read("death", "person_id", "death_date")
    persons = births[["person_id", "birth_date"]].merge(
        periods.groupby("person_id")["observation_period_end_date"].max().reset_index()
    )
    persons = persons.merge(
        deaths.groupby("person_id")["death_date"].min().reset_index(), how="left"
    )
    persons["last_day"] = persons[["observation_period_end_date", "death_date"]].min(axis=1)
    persons = persons[["person_id", "birth_date", "last_day"]]

    concepts = read("concept", "concept_id", "lower(concept_name) as ingredient",
                    "vocabulary_id", "concept_class_id")  # fmt: skip
    is_ingredient = concepts["vocabulary_id"].eq("RxNorm") & concepts["concept_class_id"].eq(
        "Ingredient"
    )
    drugs = read("concept_ancestor", "ancestor_concept_id", "descendant_concept_id").merge(
        concepts.loc[is_ingredient, ["concept_id", "ingredient"]],
        left_on="ancestor_concept_id",
        right_on="concept_id",
    )
    drugs = drugs.rename(columns={"descendant_concept_id": "drug_concept_id"})
    drugs["ingredient"] = drugs["ingredient"].astype("category")

    exposures = read(
        "drug_exposure",
        "person_id",
        "drug_concept_id",
        "drug_exposure_start_date as start_date",
        "drug_exposure_end_date as end_date",
        "days_supply",
    )
    days = exposures["days_supply"].where(exposures["days_supply"].between(1, MAX_DAYS))
    supplied = pd.to_timedelta(days.fillna(ASSUMED_DAYS) - 1, unit="D")
    exposures["end_date"] = exposures["end_date"].fillna(exposures["start_date"] + supplied)
    exposures = exposures.drop(columns="days_supply")
    exposures = exposures.merge(persons, on="person_id")
    exposures = exposures[
        (exposures["end_date"] >= exposures["start_date"])
        & (exposures["start_date"] >= exposures["birth_date"])
        & (exposures["start_date"] <= exposures["last_day"])
    ]
    exposures["end_date"] = exposures[["end_date", "last_day"]].min(axis=1)
    exposures = exposures.merge(drugs[["drug_concept_id", "ingredient"]], on="drug_concept_id")
    exposures = exposures[[*KEY, "start_date", "end_date"]].sort_values(
        [*KEY, "start_date"], ignore_index=True
    )
    groups = exposures.groupby(KEY, observed=True, sort=False)
    exposures["latest"] = groups["end_date"].cummax()
    before_it = exposures.groupby(KEY, observed=True, sort=False)["latest"].shift()
    is_first = before_it.isna() | (exposures["start_date"] > before_it + GAP)
    eras = (
        exposures.assign(era=is_first.cumsum())
        .groupby("era", sort=False)
        .agg(
            person_id=("person_id", "first"),
            ingredient=("ingredient", "first"),
            start_date=("start_date", "first"),
            end_date=("end_date", "max"),
            n_exposures=("start_date", "size"),
        )
    )
    cost = cpu_seconds() - before
    with duckdb.connect() as connection:
        connection.register("eras", eras)
        connection.execute(f"copy (select {ERA} from eras) to '{answer}'")
    return cost


def by_polars(folder: Path, cdm: Path, memory_gib: float, answer: Path) -> float:
    """The same with Polars."""

    def scan(table: str) -> pl.LazyFrame:
        return pl.scan_parquet(cdm / f"{table}.parquet")

    before = cpu_seconds()
    observed = scan("observation_period").group_by("person_id").agg(
        pl.col("observation_period_end_date").max()
    )  # fmt: skip
    died = scan("death").group_by("person_id").agg(pl.col("death_date").min())
    persons = (
        scan("person")
        .join(observed, on="person_id")
        .join(died, on="person_id", how="left")
        .select(
            "person_id",
            birth_date=pl.date("year_of_birth", "month_of_birth", "day_of_birth"),
            last_day=pl.min_horizontal("observation_period_end_date", "death_date"),
        )
    )
    ingredients = scan("concept").filter(
        pl.col("vocabulary_id") == "RxNorm", pl.col("concept_class_id") == "Ingredient"
    )
    drugs = scan("concept_ancestor").join(
        ingredients, left_on="ancestor_concept_id", right_on="concept_id"
    )
    drugs = drugs.select(
        drug_concept_id="descendant_concept_id",
        ingredient=pl.col("concept_name").str.to_lowercase().cast(pl.Categorical),
    )
    supply = pl.col("days_supply")
    days = pl.when(supply.is_between(1, MAX_DAYS)).then(supply).otherwise(ASSUMED_DAYS)
    start, end = pl.col("start_date"), pl.col("end_date")
    exposures = (
        scan("drug_exposure")
        .select(
            "person_id",
            "drug_concept_id",
            start_date="drug_exposure_start_date",
            end_date=pl.coalesce(
                "drug_exposure_end_date",
                pl.col("drug_exposure_start_date") + pl.duration(days=days - 1),
            ),
        )
        .join(persons, on="person_id")
        .filter(end >= start, start >= pl.col("birth_date"), start <= pl.col("last_day"))
        .join(drugs, on="drug_concept_id")
        .select(*KEY, "start_date", pl.min_horizontal("end_date", "last_day").alias("end_date"))
        .sort(*KEY, "start_date")
    )
    latest_before = end.cum_max().shift().over(KEY)
    eras = (
        exposures.with_columns(is_first=(start > latest_before + GAP).fill_null(True))
        .with_columns(era=pl.col("is_first").cum_sum())
        .group_by("era")
        .agg(pl.col(*KEY, "start_date").first(), end.max(), n_exposures=pl.len())
        .select(ERA.split(", "))
        .collect()
    )
    cost = cpu_seconds() - before
    eras.write_parquet(answer)
    return cost


# What counts, with the end that it has; a person's days as in docs/omop.md.
ACCEPTED = f"""
    create temporary table accepted as
    with last_days as (
        select person_id, max(observation_period_end_date) as last_day
        from '{{cdm}}/observation_period.parquet' group by person_id
    ),
    deaths as (
        select person_id, min(death_date) as death_date
        from '{{cdm}}/death.parquet' group by person_id
    ),
    dated as (
        select
            person_id,
            drug_concept_id,
            drug_exposure_start_date as start_date,
            coalesce(
                drug_exposure_end_date,
                drug_exposure_start_date + case
                    when days_supply between 1 and {MAX_DAYS} then days_supply
                    else {ASSUMED_DAYS}
                end - 1
            ) as end_date
        from '{{cdm}}/drug_exposure.parquet'
    )
    select
        person_id,
        concept_id as ingredient_id,
        start_date,
        least(end_date, last_day, death_date) as end_date
    from dated
    inner join '{{cdm}}/person.parquet' as person using (person_id)
    inner join last_days using (person_id)
    left join deaths using (person_id)
    inner join '{{cdm}}/concept_ancestor.parquet' on drug_concept_id = descendant_concept_id
    inner join '{{cdm}}/concept.parquet' on ancestor_concept_id = concept_id
    where
        vocabulary_id = 'RxNorm'
        and concept_class_id = 'Ingredient'
        and end_date >= start_date
        and start_date >= make_date(year_of_birth, month_of_birth, day_of_birth)
        and start_date <= least(last_day, death_date)
"""
# Of the events up to one, in order of day, starts before ends: is it the end with which as many
# ends have passed as starts? {n}: how many exposures a row of {courses} stands for.
STRETCHES = """
    create temporary table {stretches} as
    with events as (
        select
            person_id,
            ingredient_id,
            start_date as event_date,
            -1 as kind,
            row_number() over (
                partition by person_id, ingredient_id order by start_date
            ) as start_ordinal
        from {courses}
        union all
        select person_id, ingredient_id, end_date + {gap_days}, 1, null from {courses}
    ),
    ordered as (
        select
            person_id,
            ingredient_id,
            event_date,
            kind,
            max(start_ordinal) over person_events as n_starts,
            row_number() over person_events as n_events
        from events
        window person_events as (
            partition by person_id, ingredient_id
            order by event_date, kind
            rows unbounded preceding
        )
    ),
    ends as (
        select person_id, ingredient_id, event_date - {gap_days} as end_date
        from ordered
        where kind = 1 and n_events = 2 * n_starts
    ),
    ended as (
        select
            courses.person_id,
            courses.ingredient_id,
            courses.start_date,
            {n} as n_exposures,
            min(ends.end_date) as end_date
        from {courses} as courses
        inner join ends
            on
                courses.person_id = ends.person_id
                and courses.ingredient_id = ends.ingredient_id
                and courses.start_date <= ends.end_date + {gap_days}
        group by courses.rowid, courses.person_id, courses.ingredient_id, courses.start_date, {n}
    )
    select
        person_id,
        ingredient_id,
        min(start_date) as start_date,
        end_date,
        sum(n_exposures)::int as n_exposures
    from ended
    group by person_id, ingredient_id, end_date
"""


def by_ohdsi(folder: Path, cdm: Path, memory_gib: float, answer: Path) -> float:
    """The same by OHDSI's method, in DuckDB."""
    with duckdb.connect(config=duckdb_config(folder, memory_gib)) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("set preserve_insertion_order = false")
        before = cpu_seconds()
        connection.execute(ACCEPTED.format(cdm=cdm))
        connection.execute(
            STRETCHES.format(courses="accepted", stretches="sub_exposures", gap_days=0, n=1)
        )
        connection.execute(
            STRETCHES.format(
                courses="sub_exposures", stretches="eras", gap_days=GAP.days, n="n_exposures"
            )
        )
        cost = cpu_seconds() - before
        connection.execute(
            "copy (select person_id, lower(concept_name) as ingredient, start_date, end_date, "
            f"n_exposures from eras inner join '{cdm}/concept.parquet' "
            f"on ingredient_id = concept_id) to '{answer}'"
        )
    return cost


METHODS: dict[str, Callable[[Path, Path, float, Path], float]] = {
    OURS: ours,
    "pandas": by_pandas,
    "Polars": by_polars,
    "OHDSI": by_ohdsi,
}


def answer_of(method: str, folder: Path) -> Path:
    """Where a method's eras are."""
    return folder / f"{method}.parquet"


def measure(method: str, folder: Path, cdm: Path, memory_gib: float) -> dict[str, float]:
    """Find the eras in this process by one of METHODS, and write them to `answer_of` it."""
    cost = METHODS[method](folder, cdm, memory_gib, answer_of(method, folder))
    return {"cost": cost, "peak GiB": peak_gib()}


def differences(folder: Path, memory_gib: float) -> list[str]:
    """A sentence for each method whose eras are not ours, row by row."""
    found = []
    with duckdb.connect(config=duckdb_config(folder, memory_gib)) as connection:
        connection.execute("set enable_progress_bar = false")
        for method in METHODS:
            connection.execute(
                f"create view {method} as select person_id::bigint, ingredient::varchar, "
                "start_date::date, end_date::date, n_exposures::bigint "
                f"from '{answer_of(method, folder)}'"
            )
            counted = connection.execute(
                f"select (select count(*) from {OURS}), (select count(*) from {method}), "
                f"(select count(*) from (from {OURS} except all from {method}))"
            ).fetchone()
            assert counted
            n_ours, n_theirs, n_missing = counted
            if n_missing or n_ours != n_theirs or not n_ours:
                found.append(f"{method}: {n_theirs} eras; of our {n_ours}, {n_missing} are missing")
    return found


def main() -> None:
    """Measure in turn, compare, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("persons", type=float, nargs="?", default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-gib", type=float, default=8)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    n_persons = int(options.persons)
    floors: list[float] = []
    measured: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    with tempfile.TemporaryDirectory() as name, cdm_folder(n_persons, options.data) as cdm:
        prepare(cdm, Path(name), [MODEL])
        places = (name, str(cdm), str(options.memory_gib))
        for _ in range(options.rounds):
            floor = in_a_process_of_its_own(eras_against_floor.__file__, "floor", *places)
            floors.append(floor["floor"])
            for method, rounds in measured.items():
                rounds.append(in_a_process_of_its_own(__file__, method, *places))
        complaints = differences(Path(name), options.memory_gib)
    least = statistics.median(floors)
    costs = {
        method: statistics.median(one["cost"] for one in rounds)
        for method, rounds in measured.items()
    }
    print(f"{n_persons} persons, {options.rounds} rounds; {circumstances()}")
    print(f"  {'floor':8} {least:8.2f} CPU s")
    for method, cost in costs.items():
        peak = max(one["peak GiB"] for one in measured[method])
        print(f"  {method:8} {cost:8.2f} CPU s, {cost / least:6.2f} floors, peak {peak:.2f} GiB")
        if method != OURS and cost <= costs[OURS]:
            complaints.append(f"{method} took no more than ours")
    print("\n".join(complaints) or "the same eras by all; ours ahead of all")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        _, _, method, folder, cdm, memory_gib = sys.argv
        print(json.dumps(measure(method, Path(folder), Path(cdm), float(memory_gib))))
    else:
        main()

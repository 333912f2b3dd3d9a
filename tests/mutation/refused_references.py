"""A study's own reference files that are refused, and by hand the problems of each.

Line 2 is a table's first row. `Problem` names file, line, column and reason.
"""

from collections.abc import Iterator

from tests.oracle.oracle import Reference, Row

Problem = tuple[str, int, str, str]

FILES: dict[str, list[Row]] = {
    "protocols": [],
    "protocol_arms": [],
    "ingredients": [],
    "drug_names": [],
    "procedure_names": [],
}


def _protocol(protocol_id: str, **cells: str) -> Row:
    return {
        "protocol_id": protocol_id,
        "diagnosis": "",
        "require_steroid_refractory": "no",
        "require_failure": "yes",
        "window_days": "28",
        "max_overlap_days": "0",
        "remission_within_days": "",
        "ae_risk_window_days": "30",
        "days_per_month": "30.4",
    } | cells


def _arm(
    protocol_id: str, arm_id: str, failed: str = "infliximab", salvage: str = " Cyclosporine"
) -> Row:
    return {
        "protocol_id": protocol_id,
        "arm_id": arm_id,
        "arm_label": "an arm",
        "failed_ingredient": failed,
        "salvage_ingredient": salvage,
    }


def _drug(name: str, ingredient: str) -> Row:
    return {"drug_name": name, "ingredient": ingredient}


def _procedure(name: str, group: str) -> Row:
    return {"procedure_name": name, "procedure_group": group}


_CASES: list[tuple[str, dict[str, list[Row]], list[Problem]]] = [
    (
        "nothing wrong",
        {
            "protocols": [_protocol("one"), _protocol("two")],
            "protocol_arms": [
                _arm("one", "a"),
                _arm("two", "a"),
                _arm("two", "b", "cyclosporine", "gold"),
                _arm("two", "Allow"),
            ],
            "ingredients": [{"ingredient": "Gold"}, {"ingredient": "infliximab"}],
            "drug_names": [
                _drug("aurum", "gold"),
                _drug(" AURUM", "GOLD "),
                _drug("Remicade", "gold"),
                _drug("aurum 2", "infliximab"),
            ],
            "procedure_names": [
                _procedure("a cut", "colectomy"),
                _procedure("A  CUT", "Colectomy"),
                _procedure("another", "endoscopy"),
            ],
        },
        [],
    ),
    (
        "bad cells",
        {
            "protocols": [_protocol("one"), _protocol("two", window_days="-1")],
            "protocol_arms": [
                _arm("one", "a"),
                _arm("two", "a", failed=""),
                _arm("two", "b", salvage=""),
            ],
            "ingredients": [{"ingredient": "gold", "is_rescue": "maybe"}, {"ingredient": "tin"}],
            "drug_names": [_drug("aurum", ""), _drug("zinn", "tin")],
            "procedure_names": [_procedure("", "colectomy"), _procedure("cut", "colectomy")],
        },
        [
            ("protocols", 3, "window_days", "bad_number"),
            ("protocol_arms", 3, "failed_ingredient", "missing_required"),
            ("protocol_arms", 4, "salvage_ingredient", "missing_required"),
            ("ingredients", 2, "is_rescue", "bad_boolean"),
            ("drug_names", 2, "ingredient", "missing_required"),
            ("procedure_names", 2, "procedure_name", "missing_required"),
        ],
    ),
    (
        "repeated keys",
        {
            "protocols": [_protocol("one"), _protocol("two"), _protocol("one", window_days="7")],
            "protocol_arms": [
                _arm("one", "a"),
                _arm("two", "a"),
                _arm("two", "b"),
                _arm("two", "a", "tacrolimus"),
            ],
            "ingredients": [
                {"ingredient": "gold"},
                {"ingredient": "tin"},
                {"ingredient": " GOLD"},
            ],
        },
        [
            ("protocols", 2, "protocol_id", "duplicate_key"),
            ("protocols", 4, "protocol_id", "duplicate_key"),
            ("protocol_arms", 3, "arm_id", "duplicate_key"),
            ("protocol_arms", 5, "arm_id", "duplicate_key"),
            ("ingredients", 2, "ingredient", "duplicate_key"),
            ("ingredients", 4, "ingredient", "duplicate_key"),
        ],
    ),
    (
        "missing keys are not repeated ones",
        {
            "protocols": [_protocol(""), _protocol(""), _protocol("one")],
            "protocol_arms": [
                _arm("one", "a"),
                _arm("one", ""),
                _arm("one", ""),
                _arm("", "a"),
                _arm("", "a"),
            ],
            "ingredients": [{"ingredient": ""}, {"ingredient": ""}, {"ingredient": "gold"}],
            "drug_names": [_drug("", "gold"), _drug("aurum", "gold"), _drug("", "")],
        },
        [
            ("protocols", 2, "protocol_id", "missing_required"),
            ("protocols", 3, "protocol_id", "missing_required"),
            ("protocol_arms", 3, "arm_id", "missing_required"),
            ("protocol_arms", 4, "arm_id", "missing_required"),
            ("protocol_arms", 5, "protocol_id", "missing_required"),
            ("protocol_arms", 6, "protocol_id", "missing_required"),
            ("ingredients", 2, "ingredient", "missing_required"),
            ("ingredients", 3, "ingredient", "missing_required"),
            ("drug_names", 2, "drug_name", "missing_required"),
            ("drug_names", 4, "drug_name", "missing_required"),
        ],
    ),
    (
        "contradicted names",
        {
            "drug_names": [
                _drug("aurum", "infliximab"),
                _drug("zinn", "infliximab"),
                _drug("Aurum", "tacrolimus"),
                _drug("zinn", "Infliximab"),
            ],
            "procedure_names": [
                _procedure("cut", "colectomy"),
                _procedure("look", "endoscopy"),
                _procedure(" CUT", "endoscopy"),
                _procedure("look", "endoscopy"),
            ],
        },
        [
            ("drug_names", 2, "drug_name", "contradicted_name"),
            ("drug_names", 4, "drug_name", "contradicted_name"),
            ("procedure_names", 2, "procedure_name", "contradicted_name"),
            ("procedure_names", 4, "procedure_name", "contradicted_name"),
        ],
    ),
    (
        "unknown ingredients",
        {
            "protocols": [_protocol("one")],
            "protocol_arms": [
                _arm("one", "a"),
                _arm("one", "b", failed="gold"),
                _arm("one", "c", salvage="tin"),
                _arm("one", "d", "gold", "tin"),
            ],
            "drug_names": [_drug("aurum", "gold"), _drug("zinn", "INFLIXIMAB")],
        },
        [
            ("protocol_arms", 3, "failed_ingredient", "unknown_ingredient"),
            ("protocol_arms", 4, "salvage_ingredient", "unknown_ingredient"),
            ("protocol_arms", 5, "failed_ingredient", "unknown_ingredient"),
            ("protocol_arms", 5, "salvage_ingredient", "unknown_ingredient"),
            ("drug_names", 2, "ingredient", "unknown_ingredient"),
        ],
    ),
    (
        "protocols and arms that lack each other",
        {
            "protocols": [_protocol("one"), _protocol("two")],
            "protocol_arms": [_arm("one", "a"), _arm("three", "a")],
        },
        [
            ("protocols", 3, "protocol_id", "protocol_without_arm"),
            ("protocol_arms", 3, "protocol_id", "unknown_protocol"),
        ],
    ),
    (
        "reserved words",
        {
            "protocols": [_protocol("all")],
            "protocol_arms": [_arm("all", "All"), _arm("all", "a")],
            "ingredients": [{"ingredient": " Unmapped"}, {"ingredient": "gold"}],
        },
        [
            ("protocol_arms", 2, "arm_id", "reserved_word"),
            ("ingredients", 2, "ingredient", "reserved_word"),
        ],
    ),
    (
        "same drug twice",
        {
            "protocols": [_protocol("one")],
            "protocol_arms": [_arm("one", "a", "Infliximab ", "infliximab"), _arm("one", "b")],
        },
        [("protocol_arms", 2, "salvage_ingredient", "same_drug_twice")],
    ),
]


def _refused() -> Iterator[tuple[str, Reference, list[Row]]]:
    for name, files, problems in _CASES:
        columns = ("table_name", "line_number", "column_name", "reason")
        yield name, FILES | files, [dict(zip(columns, row, strict=True)) for row in problems]


REFUSED = list(_refused())

"""A study's protocol, as the pages speak of it."""

from dataclasses import dataclass

from salvage.dashboard.chart import Look, looks
from salvage.published import ALL_ARMS, Marts

_ARMS = "from marts.dim_protocol_arms where protocol_id = $protocol order by arm_id"
_PROTOCOLS = "select distinct protocol_id from marts.agg_cohort_attrition order by protocol_id"


@dataclass(frozen=True)
class Arm:
    """One direction: failed drug, then salvage drug."""

    arm_id: str
    label: str
    failed_ingredient: str
    salvage_ingredient: str
    window_days: int


@dataclass(frozen=True)
class Protocol:
    """A protocol and its arms.

    Attributes:
        protocol_id: its id.
        arms: by id.
        days_per_month: days in a month that is shown.
        words: its rules, a sentence each.
    """

    protocol_id: str
    arms: tuple[Arm, ...]
    days_per_month: float
    words: tuple[str, ...]

    @property
    def looks(self) -> dict[str, Look]:
        """How each arm is drawn."""
        return looks(arm.arm_id for arm in self.arms)

    def arm_label(self, arm_id: str) -> str:
        """Return an arm's label; of all arms together, "all arms"."""
        labels = {arm.arm_id: arm.label for arm in self.arms}
        return "all arms" if arm_id == ALL_ARMS else labels[arm_id]


def protocols(marts: Marts) -> list[Protocol]:
    """Return every published protocol, by id."""
    return [_protocol(marts, row["protocol_id"]) for row in marts.rows(_PROTOCOLS)]


def _protocol(marts: Marts, protocol_id: str) -> Protocol:
    rows = marts.rows(_ARMS, protocol=protocol_id)
    rules = rows[0]
    arms = tuple(
        Arm(
            row["arm_id"],
            row["arm_label"],
            row["failed_ingredient"],
            row["salvage_ingredient"],
            row["window_days"],
        )
        for row in rows
    )
    return Protocol(protocol_id, arms, rules["days_per_month"], tuple(_words(arms, rules)))


def _words(arms: tuple[Arm, ...], rules: dict[str, object]) -> list[str]:
    diagnosis = rules["diagnosis"]
    words = [
        f"Patients: {f'diagnosis {diagnosis}' if diagnosis else 'any diagnosis'}"
        f"{', steroid-refractory' if rules['require_steroid_refractory'] else ''}.",
        *(
            f"Arm “{arm.label}”: {arm.salvage_ingredient} begun after {arm.failed_ingredient}, at "
            f"most {arm.window_days} days after its last day."
            for arm in arms
        ),
        f"The two may overlap by at most {rules['max_overlap_days']} days.",
        "The first drug's last exposure must have been stopped for failure."
        if rules["require_failure"]
        else "The reason for stopping the first drug is not asked for.",
        f"Remission counts if seen within {rules['remission_within_days']} days of salvage."
        if rules["remission_within_days"] is not None
        else "Remission counts whenever it is seen after salvage.",
        "Adverse events count from the first day of the salvage drug to "
        f"{rules['ae_risk_window_days']} days after its last.",
    ]
    return words

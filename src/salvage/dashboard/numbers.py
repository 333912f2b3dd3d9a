"""Numbers as they are shown: rounded for the eye, with the value itself beside the text.

In HTML a number is a `<data value="...">`, so that every number of a page can be compared with
the mart that it comes from.
"""

from dataclasses import dataclass

from markupsafe import Markup

# What stands where there is no number.
NONE = "–"


@dataclass(frozen=True)
class Number:
    """A number and how it is shown.

    Attributes:
        value: as the mart holds it; None: there is none.
        text: as it is shown.
    """

    value: float | None
    text: str

    def __str__(self) -> str:
        return self.text

    def __html__(self) -> str:
        if self.value is None:
            return self.text
        return Markup('<data value="{}">{}</data>').format(repr(self.value), self.text)


def count(value: int | None) -> Number:
    """Show a count: 1,234."""
    return Number(value, NONE if value is None else f"{value:,}")


def decimal(value: float | None, digits: int = 1) -> Number:
    """Show a measured number with so many digits after the point."""
    return Number(value, NONE if value is None else f"{value:,.{digits}f}")


def percent(value: float | None) -> Number:
    """Show a fraction (0-1) as a percentage with one digit: 36.8%."""
    return Number(value, NONE if value is None else f"{100 * value:.1f}%")


def p_value(value: float | None) -> Number:
    """Show a p value with three digits; below 0.001 as such."""
    if value is None:
        return Number(None, NONE)
    return Number(value, "< 0.001" if value < 0.001 else f"{value:.3f}")


def interval(low: Number, high: Number, unknown: str = NONE) -> Markup:
    """Show two bounds: 19.1%–59.0%; `unknown` stands for one that there is not."""
    bounds = [unknown if bound.value is None else bound for bound in (low, high)]
    return Markup("{}–{}").format(*bounds)


def patients(number: int) -> Markup:
    """Show a number of patients: 43 patients."""
    return Markup("{} {}").format(count(number), "patient" if number == 1 else "patients")


def of(part: int, whole: int, noun: str = "patients") -> Markup:
    """Show a part of a whole: 7 of 19 patients."""
    return Markup("{} of {} {}").format(
        count(part), count(whole), noun if whole != 1 else noun.removesuffix("s")
    )


def rate(
    part: int, whole: int, share: float | None, low: float | None, high: float | None
) -> Markup:
    """Show a proportion with its 95% interval: 7 of 19 patients (36.8%, 95% interval ...)."""
    if share is None:
        return Markup("{} (no rate)").format(of(part, whole))
    return Markup("{} ({}, 95% interval {})").format(
        of(part, whole), percent(share), interval(percent(low), percent(high))
    )

"""`[data] where`: which rows are kept by the values of their columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sftcore.recipe.schema import Condition

Reason = str
BAD_SHOWN = 3


class NoNumberError(ValueError):
    """Cells that a comparison needs as numbers and that are none: `places` (positions), and how many in all."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(f"{len(places)} cells are no numbers")
        self.places = tuple(places)


def reasons_to_drop(values: Sequence[Any], column: str, condition: Condition) -> list[Reason]:
    """For each value why its row is dropped, "" where it is kept.

    A missing value (None or an empty text) meets no condition but `missing = true`. Raises `NoNumberError` where
    `min` or `max` meet something else than a number.
    """
    if condition.min is not None or condition.max is not None:
        numbers = [as_number(value) for value in values]
        bad = [
            place
            for place, (value, number) in enumerate(zip(values, numbers, strict=True))
            if number is None and not _missing(value)
        ]
        if bad:
            raise NoNumberError(bad)
    else:
        numbers = [None] * len(values)
    checks = list(_checks(column, condition))
    return [_first(checks, value, number) for value, number in zip(values, numbers, strict=True)]


def as_number(value: Any) -> float | None:
    """A number, or a text that is one ("0.99", " 12 ", "1e-3"); None for all else, NaN and truth values included."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and "_" in value:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


Check = tuple[Reason, Callable[[Any, float | None], bool]]


def _checks(column: str, condition: Condition) -> list[Check]:
    """Reasons with what makes them true, for a value that may be missing and its number."""
    checks: list[Check] = []
    if condition.missing is True:
        checks.append((f"{column} is not missing", lambda value, _: not _missing(value)))
    if condition.missing is False or any(
        limit is not None for limit in (condition.min, condition.max, condition.equals, condition.in_)
    ):
        checks.append((f"{column} is missing", lambda value, _: _missing(value)))
    if (least := condition.min) is not None:
        checks.append((f"{column} below {least:g}", lambda _, number: number is not None and number < least))
    if (most := condition.max) is not None:
        checks.append((f"{column} above {most:g}", lambda _, number: number is not None and number > most))
    if (wanted := condition.equals) is not None:
        checks.append((f"{column} is not {wanted}", lambda value, _: not _equal(value, wanted)))
    if (choice := condition.in_) is not None:
        checks.append(
            (f"{column} is none of the listed", lambda value, _: not any(_equal(value, one) for one in choice))
        )
    return checks


def _first(checks: Sequence[Check], value: Any, number: float | None) -> Reason:
    return next((reason for reason, applies in checks if applies(value, number)), "")


def _missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _equal(value: Any, wanted: str | float | bool) -> bool:
    """Equality across text and number: the text "1.0" equals 1, the number 1 equals "1"; true equals "true"."""
    if isinstance(wanted, bool) or isinstance(value, bool):
        return str(value).strip().lower() == str(wanted).lower()
    if isinstance(wanted, str):
        return value == wanted if isinstance(value, str) else str(value) == wanted
    return as_number(value) == wanted

"""metrics.json, as it is shown: values with intervals, the baselines beside them, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from sftcore.cli.tables import Cell, Sheet, section, table
from sftcore.cli.text import count, figure, plural, share
from sftcore.figures import signed

SPLITS = ("train", "validation", "test")
MOST_CLASSES = 20
MOST_PAIRS = 5
MOST_PARTS = 12
MOST_UNDEFINED = 0.05
"""Of more resamples without a value than this share the interval says how many had one."""


def metrics(value: Mapping[str, Any]) -> RenderableType:
    """The scores of every split in it."""
    if _is_split(value):
        return Group(*_split("scores", value))
    splits = {name: part for name, part in value.items() if _is_split(part)}
    return Group(
        *(part for name, split in splits.items() for part in _split(f"{name} split" if name in SPLITS else name, split))
    )


def _is_split(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("metrics"), Mapping)


def _split(title: str, split: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield section(f"{title}, {plural(split.get('rows', 0), 'row')}", *_notes(split), _values(split))
    if split.get("baselines"):
        yield section("gain over the baselines, on the same rows: + is better", _gains(split))
    if explained := list(_explained(split)):
        yield section("what these are", table(["", ""], explained))
    for what, parts in split.get("slices", {}).items():
        yield section(f"by {what}", _parts(split, parts))
    if 0 < len(split.get("classes", ())) <= MOST_CLASSES:
        yield section("classes", _classes(split))
    if split.get("confused_pairs"):
        yield section("most often taken for another", _pairs(split))
    if split.get("baselines"):
        yield from _verdict(split.get("verdict", {}))


def _notes(split: Mapping[str, Any]) -> Iterator[Text]:
    left_out = split.get("left_out", {})
    parts = [f"{count(number)} {name.replace('_', ' ')}" for name, number in left_out.items() if number]
    if parts:
        yield Text(f"not scored: {', '.join(parts)}", style="dim")
    if split.get("perplexity") is not None:
        before = split.get("baselines", {}).get("base", {}).get("details", {}).get("perplexity")
        compared = "" if before is None else f", before training {figure(before)}"
        yield Text(f"perplexity of the references {figure(split['perplexity'])}{compared}")


def _main(split: Mapping[str, Any]) -> list[str]:
    """The metrics' main values; those of single classes have a table of their own."""
    names = [name for name in split.get("greater_is_better", {}) if name in split["metrics"]]
    return names or list(split["metrics"])


def _values(split: Mapping[str, Any]) -> Sheet:
    baselines = split.get("baselines", {})
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            Text(figure(split["metrics"][name]["value"]), style="bold"),
            _interval(split["metrics"][name], _resamples(split)),
            *(figure(one["metrics"].get(name, {}).get("value")) for one in baselines.values()),
        )
        for name in _main(split)
    ]
    columns = ["", "model", f"{_level(split)} interval", *baselines]
    return table(columns, rows, numbers=range(1, len(columns)))


def _resamples(split: Mapping[str, Any]) -> int:
    return int(split.get("bootstrap", {}).get("resamples", 0))


def _level(split: Mapping[str, Any]) -> str:
    return share(split.get("bootstrap", {}).get("level", 0.95), 1)


def _gains(split: Mapping[str, Any]) -> Sheet:
    better = split.get("greater_is_better", {})
    rows: list[tuple[Cell, ...]] = [
        (name, *(_gain(one["differences"].get(name), better.get(name, True)) for one in split["baselines"].values()))
        for name in _main(split)
    ]
    columns = ["", *(f"over {name}" for name in split["baselines"])]
    return table(columns, rows, numbers=range(1, len(columns)))


def _gain(found: Mapping[str, Any] | None, greater_is_better: bool) -> Text:
    """The paired difference, above zero where the model is better: green where the whole interval is, red where it is
    below."""
    if not found or found.get("value") is None:
        return Text("-")
    bounds = ("value", "low", "high") if greater_is_better else ("value", "high", "low")
    gain, low, high = (_turned(found.get(bound), greater_is_better) for bound in bounds)
    if found.get("degenerate"):
        return Text(f"{signed(gain)}  (no interval)", style="yellow")
    text = f"{signed(gain)}  ({signed(low)} to {signed(high)})"
    if low is None or high is None or low <= 0 <= high:
        return Text(text, style="yellow")
    return Text(text, style="green" if low > 0 else "red")


def _turned(value: float | None, greater_is_better: bool) -> float | None:
    return value if value is None or greater_is_better else -value


def _explained(split: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Metrics and baselines in words, as they say themselves; runs of old versions have recorded less."""
    meanings, better = split.get("meanings", {}), split.get("greater_is_better", {})
    for name in _main(split):
        lower = "" if better.get(name, True) else "lower is better"
        if told := "; ".join(filter(None, [meanings.get(name, ""), lower])):
            yield name, told
    for name, baseline in split.get("baselines", {}).items():
        if baseline.get("description"):
            yield name, baseline["description"]


def _interval(found: Mapping[str, Any], resamples: int) -> str:
    low, high, undefined = found.get("low"), found.get("high"), found.get("undefined", 0)
    if low is None or high is None:
        return "-"
    if found.get("degenerate"):
        return "no interval: the resamples agree"
    few = f" (from {count(resamples - undefined)} of {count(resamples)} resamples)"
    return f"{figure(low)} to {figure(high)}{few if undefined > MOST_UNDEFINED * resamples else ''}"


def _classes(split: Mapping[str, Any]) -> Sheet:
    names = ["rows", "predicted", "precision", "recall", "f1"]
    rows = [(str(one["label"]), *(figure(one.get(name)) for name in names)) for one in split["classes"]]
    return table(["", *names], rows, numbers=range(1, len(names) + 1))


def _parts(split: Mapping[str, Any], parts: Mapping[str, Any]) -> Sheet:
    names = _main(split)
    rows = [
        (name, count(part["rows"]), *(figure(part["metrics"].get(metric)) for metric in names))
        for name, part in list(parts.items())[:MOST_PARTS]
    ]
    return table(["", "rows", *names], rows, numbers=range(1, len(names) + 2))


def _pairs(split: Mapping[str, Any]) -> Sheet:
    rows = [
        (f"{one['label']} → {one['prediction']}", plural(one["rows"], "row"), share(one["share"], 1))
        for one in split["confused_pairs"][:MOST_PAIRS]
    ]
    return table(["", "", ""], rows, numbers=(1, 2))


def _verdict(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    if not found.get("sentence"):
        return
    yield Text()
    yield Text(found["sentence"], style="bold green" if found.get("beats_baselines") else "bold yellow")
    for advice in found.get("advice", ()):
        yield Padding(Text(f"• {advice}"), (0, 0, 0, 2), expand=False)

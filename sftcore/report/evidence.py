"""What a run folder says, read once, for everything that is shown of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from sftcore.errors import Problem, RunError
from sftcore.runs import generations, predictions
from sftcore.runs.folder import LOG, Run

if TYPE_CHECKING:
    import pyarrow as pa

VERIFY = "sftcore verify says what else is"
Language = Literal["en", "zh"]
HEAVY = ("logits", "input_ids", "attention_mask", "token_type_ids", "generated")
"""Columns of predictions.parquet that no page shows and that are most of its size."""


@dataclass(frozen=True)
class Evidence:
    """A run as its folder tells it; every part is plain JSON, {} or [] where the run has no such file.

    `recipe` is the resolved one of lock.json; `log` the events of log.jsonl in their order; `generations` the rows of
    generations.jsonl; `language` that of the page. predictions.parquet is read a column at a time, when asked for.
    """

    path: Path
    name: str
    id: str
    recipe: Mapping[str, Any]
    lock: Mapping[str, Any]
    ledger: Mapping[str, Any]
    metrics: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]] = ()
    generations: Sequence[Mapping[str, Any]] = ()
    overrides: Sequence[str] = ()
    recipe_text: str = ""
    language: Language = "en"
    columns_read: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, path: Path, language: Language | None = None) -> Evidence:
        """Read a run folder, sealed or not; `language` overrides the recipe's.

        Raises `RunError` where there is no run, or a file of it is damaged.
        """
        run = Run(path)
        if not run.lock:
            raise RunError(Problem("is no run: it has no lock.json", where=str(path)))
        recipe = run.lock.get("recipe", {})
        return cls(
            path=path,
            name=run.name,
            id=run.id,
            recipe=recipe,
            lock=run.lock,
            ledger=run.ledger,
            metrics=run.metrics,
            log=_lines(path / LOG),
            generations=_lines(path / generations.FILE),
            overrides=_overrides(path / "overrides.json"),
            recipe_text=run.recipe_text if (path / "recipe.toml").is_file() else "",
            language=language or recipe.get("report", {}).get("language", "en"),
        )

    @property
    def texts(self) -> bool:
        """Whether texts of the data may be shown."""
        return bool(self.recipe.get("report", {}).get("texts", True))

    @property
    def test(self) -> Mapping[str, Any]:
        """What metrics.json says of the test split; {} before the evaluation."""
        part: Mapping[str, Any] = self.metrics.get("test") or {}
        return part

    @property
    def main_metrics(self) -> list[str]:
        """The names of the metrics' main values that the test split has, in the recipe's order."""
        return [name for name in self.test.get("greater_is_better", ()) if name in self.test.get("metrics", ())]

    @property
    def labels(self) -> list[str]:
        """The classes, in the order of the outputs; [] for a task without."""
        return list(self.predictions_meta.get("labels", ()))

    @property
    def stages(self) -> Sequence[Mapping[str, Any]]:
        """The ledger's entries, in their order."""
        stages: Sequence[Mapping[str, Any]] = self.ledger.get("stages", ())
        return stages

    def stage(self, name: str) -> Mapping[str, Any]:
        """The latest entry of the ledger for the stage; {} where there is none."""
        return next((entry for entry in reversed(self.stages) if entry["stage"] == name), {})

    @cached_property
    def predictions_meta(self) -> dict[str, Any]:
        """What predictions.parquet says of all its rows: predicts, labels, texts, …; {} without the file."""
        file = self._predictions_file
        if file is None:
            return {}
        facts: dict[str, Any] = predictions.recorded_facts(file.schema_arrow.empty_table())
        return facts

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of predictions.parquet; () without the file."""
        file = self._predictions_file
        return () if file is None else tuple(file.schema_arrow.names)

    def column(self, name: str) -> pa.ChunkedArray | None:
        """One column of predictions.parquet, kept once read; None where there is none of that name."""
        if name not in self.columns:
            return None
        if name not in self.columns_read:
            self.columns_read[name] = self._predictions_file.read(columns=[name]).column(0)
        return self.columns_read[name]

    @cached_property
    def predictions(self) -> pa.Table | None:
        """predictions.parquet without logits and token ids, which are most of it; None without the file."""
        import pyarrow as pa

        names = [name for name in self.columns if name not in HEAVY]
        return pa.table({name: self.column(name) for name in names}) if names else None

    @cached_property
    def _predictions_file(self) -> Any:
        """The opened file, of which nothing but its end is read yet. Raises `RunError` where it is damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.path / predictions.FILE
        if not path.is_file():
            return None
        try:
            return pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise RunError(Problem(f"can't be read: {error}", where=str(path))) from error


def _lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a .jsonl file; [] where it is absent. Raises `RunError` for a line that is none.

    Only a line feed ends a line: texts may hold other separators, like U+2028, which JSON leaves as they are.
    """
    read: list[Any] = _read(path, lambda text: [json.loads(line) for line in text.split("\n") if line.strip()])
    return read if all(isinstance(one, dict) for one in read) else _refuse(path, "a JSON object a line was expected")


def _overrides(path: Path) -> list[str]:
    """The `--set` options; [] where there is no such file. Raises `RunError` where it is damaged."""
    read = _read(path, json.loads)
    return [str(text) for text in read] if isinstance(read, list) else _refuse(path, "a JSON array was expected")


def _read(path: Path, parse: Callable[[str], Any]) -> Any:
    """What the file holds; [] where it is absent."""
    if not path.is_file():
        return []
    try:
        return parse(path.read_bytes().decode())
    except OSError as error:
        raise RunError(Problem(f"can't be read: {error.strerror or error}", where=str(path))) from error
    except (ValueError, RecursionError) as error:
        raise RunError(Problem(f"is damaged: {error}", where=str(path), advice=VERIFY)) from error


def _refuse(path: Path, why: str) -> NoReturn:
    raise RunError(Problem(f"is damaged: {why}", where=str(path), advice=VERIFY))

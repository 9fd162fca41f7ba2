"""`sftcore new`: a commented recipe for a task, made of the components' own fields and descriptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sftcore.cli import toml

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sftcore.components import Kind, Task
    from sftcore.registry import Registry

WIDTH = 118
DEFAULT_TASK = "text-classification"
TITLES: dict[Kind, tuple[str, str]] = {
    "preprocessor": ("preprocess", "Preprocessors: in this order, on every split; a table for each"),
    "augmenter": ("augment", "Augmenters: of the train split only; a table for each"),
    "metric": ("metrics", "Metrics: a table for each; without any, the task's own"),
}


@click.command("new")
@click.argument("task", default=DEFAULT_TASK)
@click.option("--model", default="distilbert-base-uncased", metavar="BASE", help="Base model: hub id, directory, …")
@click.option("--data", default="data.csv", metavar="SOURCE", help="Data: file, glob, folder, hub id, …")
@click.option("--out", default="recipe.toml", show_default=True, metavar="FILE", help="Where to write it; - is stdout.")
def command(task: str, model: str, data: str, out: str) -> None:
    """Write a commented recipe for TASK (default: text-classification), with every default shown."""
    from sftcore.cli.console import Console
    from sftcore.errors import Problem, UsageError

    with Console() as console:
        text = recipe_text(task, model, data)
        if out == "-":
            console.write(text)
            return
        if Path(out).exists():
            raise UsageError(Problem("this file is there already", where=out, advice="name another with --out"))
        from sftcore.runs.files import write_text

        write_text(Path(out), text)
        console.line(f"written to {out}; next: put in your data, then sftcore check {out}")


def recipe_text(task: str, base: str, source: str) -> str:
    """A recipe that validates. Raises `UsageError` for an unknown task."""
    from sftcore.errors import Problem, UsageError, did_you_mean
    from sftcore.registry import discover

    registry = discover()
    names = registry.names("task")
    if task not in names and ":" not in task:
        raise UsageError(Problem(f"no such task{did_you_mean(task, names)}", where="sftcore new", key=task))
    cls: Any = registry.resolve("task", task).cls
    return "\n".join([*_head(task), *_model(base), *_data(source, cls), *_task(task, cls), *_kinds(registry), *_train(), ""])


def _head(task: str) -> list[str]:
    return [
        f"# A recipe for {task}. Lines that begin with # show defaults, or what there is besides.",
        "# sftcore check shows what becomes of it, sftcore run carries it out.",
        "",
        "seed = 42",
    ]


def _model(base: str) -> Iterator[str]:
    from sftcore.recipe.schema import Model

    yield from ("", "[model]", _line(f"base = {toml.value(base)}", "hub id, directory, or package:<import name>/<path>"))
    yield from _fields(Model, leave_out={"base"})


def _data(source: str, task: type[Task]) -> Iterator[str]:
    from sftcore.recipe.schema import Data

    yield from ("", "[data]", _line(f"source = {toml.value(source)}", "file, glob, folder, hub id, package:…"))
    yield _line(f"columns = {toml.value(_columns(task))}", "role = column of your data")
    yield from _fields(Data, leave_out={"source", "columns"})


def _columns(task: type[Task]) -> dict[str, str]:
    """The required roles, each in a column of its own name; a task with required fields has none to show."""
    from pydantic import ValidationError

    try:
        roles = task().roles
    except ValidationError:
        return {}
    return {name: name for name, role in roles.items() if role.required}


def _task(task: str, cls: type[Task]) -> Iterator[str]:
    yield from ("", "[task]", _line(f"use = {toml.value(task)}", _sentence(cls.__doc__)))
    yield from _fields(cls)


def _kinds(registry: Registry) -> Iterator[str]:
    for kind, (name, title) in TITLES.items():
        entries = sorted(registry.entries(kind), key=lambda entry: entry.name)
        if entries:
            yield from ("", f"# {title}.", f"# [[{name}]]")
            for entry in entries:
                yield "# " + _line(f"use = {toml.value(entry.name)}", _sentence(entry.cls.__doc__), WIDTH - 2)


def _train() -> Iterator[str]:
    from sftcore.recipe.schema import Train

    yield from ("", "[train]")
    yield from _fields(Train)


def _fields(cls: type[BaseModel], leave_out: frozenset[str] | set[str] = frozenset()) -> Iterator[str]:
    """The fields of a model with their defaults, as comments; those that must be given wait for a value."""
    for name, field in cls.model_fields.items():
        if name in leave_out or field.exclude:
            continue
        default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
        yield "# " + _line(f"{toml.key(name)} = {_shown(default)}".rstrip(), _sentence(field.description), WIDTH - 2)


def _shown(default: Any) -> str:
    plain = default.model_dump(mode="json") if hasattr(default, "model_dump") else default
    return "" if plain is None else toml.value(plain)


def _line(text: str, comment: str, width: int = WIDTH) -> str:
    """A line with its comment beside it, shortened to the width."""
    if not comment:
        return text
    line = f"{text:<38}  # {comment}"
    return line if len(line) <= width else f"{line[: width - 1].rstrip()}…"


def _sentence(description: str | None) -> str:
    """The first sentence of a description, on one line."""
    text = " ".join((description or "").replace("`", "").split())
    return text.split(". ", 1)[0].rstrip(".")

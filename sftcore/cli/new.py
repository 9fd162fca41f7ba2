"""`sftcore new`: a commented recipe for a task, made of the components' own fields and descriptions."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from sftcore.cli import toml

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sftcore.cli.console import Console
    from sftcore.components import Kind
    from sftcore.registry import Entry, Registry
    from sftcore.task import Task

SCHEMA = "recipe.schema.json"
"""What the file of `sftcore schema` is called by habit."""
WIDTH = 118
BESIDE = 40
"""Where the comment beside a line begins."""
DEFAULT_TASK = "text-classification"
USUAL_COLUMNS = {
    "text": ("sentence", "review", "content", "body", "message", "comment", "tweet", "文本", "内容", "评论", "句子"),
    "label": ("sentiment", "class", "category", "target", "标签", "情感", "类别"),
}
"""What columns for a role are often called, lower case, the likeliest first."""
BASE = "distilbert-base-uncased"
BASES = {
    "AutoModelForCausalLM": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "AutoModelForSeq2SeqLM": "google/flan-t5-small",
}
"""Small models of the hub that a first recipe names, by the transformers class of its task."""
TITLES: dict[Kind, tuple[str, str]] = {
    "preprocessor": ("preprocess", "Preprocessors: in this order, on every split; a table for each"),
    "augmenter": ("augment", "Augmenters: of the train split only; a table for each"),
    "metric": ("metrics", "Metrics: a table for each; without any, the task's own"),
}


@click.command("new")
@click.argument("task", default=DEFAULT_TASK)
@click.option("--model", metavar="BASE", help="Base model: hub id, directory, … Default: a small one that fits TASK.")
@click.option("--data", default="data.csv", metavar="SOURCE", help="Data: file, glob, folder, hub id, …")
@click.option("--out", default="recipe.toml", show_default=True, metavar="FILE", help="Where to write it; - is stdout.")
def command(task: str, model: str | None, data: str, out: str) -> None:
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

        write_text(Path(out), editor_line(Path(out).parent) + text)
        seen = _look(console, out)
        console.line(f"written to {out}; next: {'' if seen else 'put in your data, then '}sftcore check {out}")


def _look(console: Console, out: str) -> bool:
    """Show what is in the recipe's data, where they are files that can be read; whether they were."""
    from sftcore.errors import SftcoreError
    from sftcore.recipe import Recipe
    from sftcore.registry import discover

    recipe = Recipe.read(out)
    if not all((recipe.folder / place).exists() for place in recipe.data.locations):
        return False
    from sftcore.checking.data import look
    from sftcore.cli import data_look

    try:
        found = look(recipe, discover())
    except SftcoreError as error:  # check will tell it with its place in the recipe, now that there is one
        told = error.problems[0].message.partition("\n")[0]
        console.warning(f"the data can't be used as they are: {told}")
        return True
    console.print(*data_look.shown(found))
    console.line("")
    return True


def editor_line(folder: Path) -> str:
    """The line that makes editors complete and check a recipe of the folder, where the folder has a schema."""
    return f"#:schema ./{SCHEMA}\n\n" if (folder / SCHEMA).is_file() else ""


def recipe_text(task: str, base: str | None, source: str) -> str:
    """A recipe that validates. Raises `UsageError` for an unknown task."""
    from sftcore.errors import Problem, UsageError, did_you_mean
    from sftcore.registry import discover

    registry = discover()
    names = registry.names("task")
    if task not in names and ":" not in task:
        raise UsageError(Problem(f"no such task{did_you_mean(task, names)}", where="sftcore new", key=task))
    entry = registry.resolve("task", task)
    cls: Any = entry.cls
    parts = (
        _head(task, entry),
        _model(base or BASES.get(auto_class(cls), BASE)),
        _data(source, cls),
        _task(task, cls),
        _kinds(registry),
        _train(),
        [""],
    )
    return "\n".join(line for part in parts for line in part)


def _head(task: str, entry: Entry) -> Iterator[str]:
    from sftcore.registry import CORE

    yield f"# A recipe for {task}. Lines that begin with # show defaults, or what there is besides."
    yield "# sftcore check shows what becomes of it, sftcore run carries it out."
    yield ""
    if entry.distribution != CORE:
        yield _line(f"requires = {toml.value([entry.distribution])}", "named with the pip command where it is missing")
    yield "seed = 42"


def auto_class(task: type[Task]) -> str:
    """The transformers class of the task with its default options, "" where these are not enough to make one."""
    try:
        return task().auto_class
    except ValueError:
        return ""


def _model(base: str) -> Iterator[str]:
    from sftcore.recipe.schema import Model

    yield from ("", "[model]", _line(f"base = {toml.value(base)}", "hub id, directory, package:<import name>/<path>"))
    yield from _fields(Model, "model", leave_out={"base"})


def _data(source: str, task: type[Task]) -> Iterator[str]:
    from sftcore.recipe.schema import Data

    yield from ("", "[data]", _line(f"source = {toml.value(source)}", "file, glob, folder, hub id, package:…"))
    there = _columns_of(source)
    columns = {role: _matching(role, there) for role in _required_roles(task)}
    yield _line(f"columns = {toml.value(columns)}", "role = column of your data")
    if there:
        yield f"# columns of this data: {', '.join(map(toml.value, there))}"
    yield from _fields(Data, "data", leave_out={"source", "columns"})


def _columns_of(source: str) -> list[str]:
    """The columns of the data where it is a file that can be read, else none."""
    if not Path(source).is_file():
        return []
    from sftcore.data.load import read_table
    from sftcore.errors import SftcoreError
    from sftcore.registry import discover
    from sftcore.reporter import SILENT

    try:
        return list(read_table(source, Path.cwd(), None, discover(), SILENT).column_names)
    except SftcoreError:  # check will tell what is wrong with it
        return []


def _matching(role: str, columns: Sequence[str]) -> str:
    """The column that obviously plays the role, else the role's own name."""
    usual = (role, *USUAL_COLUMNS.get(role, ()))
    return next((column for name in usual for column in columns if column.strip().casefold() == name), role)


def _required_roles(task: type[Task]) -> list[str]:
    """The names of the required roles; a task with required fields has none to show."""
    from pydantic import ValidationError

    try:
        roles = task().roles
    except ValidationError:
        return []
    return [name for name, role in roles.items() if role.required]


def _task(task: str, cls: type[Task]) -> Iterator[str]:
    yield from ("", "[task]", _line(f"use = {toml.value(task)}", _sentence(cls.__doc__)))
    yield from _fields(cls)


def _kinds(registry: Registry) -> Iterator[str]:
    for kind, (name, title) in TITLES.items():
        entries = sorted(registry.entries(kind), key=lambda entry: entry.name)
        if entries:
            yield from ("", f"# {title}.", f"# [[{name}]]")
            for entry in entries:
                yield _line(f"# use = {toml.value(registry.shortest(entry))}", _sentence(entry.cls.__doc__))


def _train() -> Iterator[str]:
    from sftcore.recipe.schema import Train

    yield from ("", "[train]")
    yield from _fields(Train)


def _fields(cls: type[BaseModel], table: str = "", leave_out: Container[str] = ()) -> Iterator[str]:
    """The fields of a model with their defaults, as comments; those without one wait for a value, tables come last."""
    from sftcore.recipe.descriptions import describe

    describe(cls)
    tables = []
    for name, field in cls.model_fields.items():
        if name in leave_out or field.exclude:
            continue
        default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
        comment = _sentence(field.description)
        if default is None and _is_table(field.annotation):
            tables.append(_line(f"# [{table}.{name}]", comment))
        else:
            yield _line(f"# {toml.key(name)} = {_shown(default)}".rstrip(), comment)
    yield from tables


def _is_table(annotation: Any) -> bool:
    from pydantic import BaseModel

    return any(isinstance(part, type) and issubclass(part, BaseModel) for part in get_args(annotation))


def _shown(default: Any) -> str:
    plain = default.model_dump(mode="json") if hasattr(default, "model_dump") else default
    return "" if plain is None else toml.value(plain)


def _line(text: str, comment: str) -> str:
    """A line with its comment beside it; of a long comment the parts that fit."""
    if not comment:
        return text
    beside = f"{text:<{BESIDE}}  # "
    return beside + _fitted(comment, WIDTH - len(beside))


def _fitted(comment: str, width: int) -> str:
    if len(comment) <= width:
        return comment
    ends = [found.start() for found in re.finditer(r"[;,]? [(]|[;,] ", comment[:width])]
    whole = [end for end in ends if end >= width // 3 and comment[:end].count("(") == comment[:end].count(")")]
    if whole:
        return comment[: whole[-1]]
    return f"{comment[:width].rpartition(' ')[0]} …"


def _sentence(description: str | None) -> str:
    """The first sentence of a description, on one line."""
    text = " ".join((description or "").replace("`", "").split())
    return text.split(". ", 1)[0].rstrip(".")

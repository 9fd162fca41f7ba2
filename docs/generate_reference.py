"""Write docs/recipe.md: every key of a recipe and every component of core and first-party plugins, from the code.

    python docs/generate_reference.py

A test compares the checked-in page with `reference()`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sftcore import Metric, PluginError, Task
from sftcore.cli import toml
from sftcore.components import Kind, Source
from sftcore.recipe import Recipe, schema
from sftcore.recipe.descriptions import describe
from sftcore.recipe.schema_export import json_schema
from sftcore.recipe.train import REFUSED
from sftcore.registry import CORE, Entry, Registry, discover

PAGE = Path(__file__).parent / "recipe.md"
FIRST_PARTY = (CORE, "sftcore-plugin-sentiment", "sftcore-plugin-qa", "sftcore-plugin-legal")
Schema = Mapping[str, Any]

INTRODUCTION = """\
# Recipe reference

This page is made from the code by `python docs/generate_reference.py`; a test compares the two. It covers the core and
the first-party plugins. For everything that is installed, and for editors, there is a JSON Schema; a recipe whose first
line is `#:schema recipe.schema.json` is completed and checked by Taplo and Even Better TOML:

```console
sftcore schema --out recipe.schema.json
```

A recipe is a TOML file in UTF-8. The shortest one has three entries:

```toml
model = { base = "distilbert-base-uncased" }
data = { source = "reviews.csv" }
task = { use = "text-classification" }
```

- Everything else has a default. `sftcore check RECIPE --shape` shows all of them, filled in.
- An unknown key, a value of a wrong type (`true` is no number, `"12"` no whole number) and a number out of range are
  refused, plugin sections included.
- Relative paths are relative to the recipe's file.
- A recipe holds no secrets: tokens come from the environment, as `HF_TOKEN`.
- `--set KEY=VALUE` changes a key for one call: `--set train.num_train_epochs=1`, `--set preprocess.0.rate=0.2` (steps
  count from 0). The value is read as TOML, else as text. The run folder keeps it in `overrides.json`.
- `use` takes the bare name of a component. Where two plugins offer the same name it takes `distribution:name`.

The parts of this page:
"""

PLUGINS = "A plugin's own section, by the plugin's own keys. None of the first-party plugins has one."
STEPS = "Each is a table of its own, in double brackets. Its `use` is one of:"
PARTS: tuple[tuple[str, type[BaseModel], str], ...] = (
    ("Top of the file", Recipe, "These keys stand above the first table."),
    ("[model]", schema.Model, ""),
    ("[model.scratch]", schema.Scratch, ""),
    ("[model.scratch.tokenizer]", schema.ScratchTokenizer, ""),
    ("[model.adapter]", schema.Adapter, ""),
    ("[data]", schema.Data, "More on all of it: [data](data.md)."),
    ("[data.source]", schema.SplitSources, "Where `source` is a table:"),
    ("[data.where]", schema.Condition, "A table for each column, with one or more of these keys:"),
    ("[data.split]", schema.SplitShares, ""),
    ("[train]", schema.Train, ""),
    ("[report]", schema.Report, ""),
)
KINDS: tuple[tuple[str, Kind, str], ...] = (
    ("[[preprocess]]", "preprocessor", f"They run in this order, on every row. {STEPS}"),
    ("[[augment]]", "augmenter", f"They work on the training split alone. {STEPS}"),
    ("[task]", "task", "Its `use` is one of:"),
    ("[[metrics]]", "metric", f"Without any, the task's own are used. {STEPS}"),
)


def reference() -> str:
    """The whole page. Raises `sftcore.PluginError` where a first-party plugin is not installed."""
    registry = discover()
    offered = {plugin.distribution for plugin in registry.plugins if not plugin.problem}
    absent = [name for name in FIRST_PARTY if name not in offered]
    if absent:
        raise PluginError(f"install {', '.join(absent)} first: the page covers it")
    exported = json_schema(registry)
    parts = [INTRODUCTION, *_contents(registry)]
    for title, model, text in PARTS:
        parts += _table_part(title, model, text, exported)
        if title == "[train]":
            parts += _refused()
    for title, kind, text in KINDS:
        parts += _kind_part(title, kind, text, registry, exported)
    parts += ["## `[plugins.name]`", PLUGINS]
    parts += _sources(registry)
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _contents(registry: Registry) -> Iterator[str]:
    lines = [f"- [{_heading(title)}](#{slug(title)})" for title, *_ in PARTS]
    for title, kind, _ in KINDS:
        names = [entry.name for entry in _entries(registry, kind)]
        links = ", ".join(f"[`{name}`](#{slug(name)})" for name in names)
        lines.append(f"- [{_heading(title)}](#{slug(title)}): {links}")
    lines.append(f"- [Files that can be read](#{slug('Files that can be read')})")
    yield "\n".join(lines)


def _heading(title: str) -> str:
    return f"`{title}`" if title.startswith("[") else title


def slug(heading: str) -> str:
    """The anchor that a heading gets on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _table_part(title: str, model: type[BaseModel], text: str, exported: Schema) -> Iterator[str]:
    describe(model)
    properties = _properties(model, exported)
    leave_out = _tables_of_recipe() if model is Recipe else ()
    yield f"## {_heading(title)}"
    about = "" if model is Recipe else _prose(model.__doc__)
    yield "\n\n".join(part for part in (about, text) if part)
    yield _fields(model, properties, exported, leave_out)


def _tables_of_recipe() -> tuple[str, ...]:
    """The keys of a recipe that have a part of their own on the page."""
    titles = (title.strip("[]").split(".")[0] for title, *_ in (*PARTS, *KINDS))
    return (*dict.fromkeys(titles), "plugins")


def _properties(model: type[BaseModel], exported: Schema) -> Schema:
    if model is Recipe:
        found: Schema = exported["properties"]
        return found
    properties: Schema = exported["definitions"][model.__name__]["properties"]
    return properties


def _fields(model: type[BaseModel], properties: Schema, exported: Schema, leave_out: Sequence[str] = ()) -> str:
    """A table of keys: what may be written, the default, what it means."""
    rows = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in leave_out:
            continue
        about = _prose(field.description)
        default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
        shown = _default(default, field.is_required(), about)
        rows.append((f"`{key}`", _type(properties[key], exported), shown, about))
    return _table(("key", "value", "default", "meaning"), rows) if rows else "It has no keys of its own."


def _default(value: Any, required: bool, about: str) -> str:
    """The default; where the text says what it is in words, the words do."""
    if required:
        return "**required**"
    if "efault:" in about or (value is None):
        return ""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return f"`{toml.value(plain)}`"


def _type(given: Schema, exported: Schema) -> str:
    """What a value may be, in words."""
    for name in ("anyOf", "allOf"):
        if name in given:
            return " or ".join(dict.fromkeys(_type(each, exported) for each in given[name]))
    if "$ref" in given:
        return "table"
    if "enum" in given or "const" in given:
        return ", ".join(f"`{toml.value(choice)}`" for choice in given.get("enum", [given.get("const")]))
    if given.get("type") == "array":
        inside = _type(given.get("items", {}), exported)
        return f"list of {_plural('any value' if inside.count(' or ') > 1 else inside)}"
    if given.get("type") == "object":
        values = given.get("additionalProperties")
        return f"table of {_plural(_type(values, exported))}" if isinstance(values, Mapping) and values else "table"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    return words.get(str(given.get("type")), "any value") + _limits(given)


def _limits(given: Schema) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return ",".join(f" {sign} {toml.value(given[name])}" for name, sign in words.items() if name in given)


def _plural(name: str) -> str:
    plurals = {"text": "texts", "table": "tables", "any value": "values"}
    return plurals.get(name, name.replace("number", "numbers", 1) if "number" in name else name)


def _refused() -> Iterator[str]:
    """The keys of TrainingArguments that a recipe can't give, with what to do instead."""
    by_advice: dict[str, list[str]] = {}
    for key, advice in REFUSED.items():
        by_advice.setdefault(advice, []).append(f"`{key}`")
    yield "Other keys of `TrainingArguments`, and names that keys had or are often given, are refused with an advice:"
    yield _table(("key", "instead"), [(", ".join(keys), _prose(advice)) for advice, keys in by_advice.items()])


def _entries(registry: Registry, kind: Kind) -> list[Entry]:
    return [entry for entry in registry.entries(kind) if entry.distribution in FIRST_PARTY]


def _kind_part(title: str, kind: Kind, text: str, registry: Registry, exported: Schema) -> Iterator[str]:
    entries = _entries(registry, kind)
    yield f"## {_heading(title)}"
    yield text
    links = [(f"[`{entry.name}`](#{slug(entry.name)})", _first_sentence(entry.cls.__doc__)) for entry in entries]
    yield _table(("use", "what it does"), links)
    for entry in entries:
        yield f"### {entry.name}"
        yield "" if entry.distribution == CORE else f"From the plugin `{entry.distribution}`."
        yield _prose(entry.cls.__doc__, paragraphs=True)
        describe(entry.cls)
        definition = exported["definitions"][entry.qualified]
        yield _fields(entry.cls, definition["properties"], exported)
        yield _of_metric(entry.cls) if issubclass(entry.cls, Metric) else ""
        yield _of_task(entry.cls) if issubclass(entry.cls, Task) else ""


_PREDICTED = {
    "labels": "one class a row",
    "label_sets": "any number of classes a row",
    "scores": "numbers",
    "spans": "spans",
    "texts": "texts",
}


def _of_metric(cls: type[Metric]) -> str:
    better = "Greater" if cls.greater_is_better else "Smaller"
    needs = " It needs class probabilities." if cls.needs_scores else ""
    kinds = " or ".join(_PREDICTED[kind] for kind in cls.understands)
    return f"For tasks that predict {kinds}. {better} is better.{needs}"


def _of_task(cls: type[Task]) -> str:
    """Roles and default metrics of the task with its default options."""
    task = cls()
    said = {True: "yes", False: "no"}
    rows = [
        (f"`{name}`", role.kind, said[role.required], said[role.target], _prose(role.description))
        for name, role in task.roles.items()
    ]
    names = ", ".join(_with_settings(metric) for metric in task.default_metrics())
    roles = _table(("role", "kind", "required", "to be learned", "meaning"), rows)
    return f"{roles}\n\nDefault metrics: {names}."


def _with_settings(metric: Metric) -> str:
    settings = ", ".join(
        f"`{key} = {toml.value(given)}`" for key, given in metric.model_dump(exclude_defaults=True).items()
    )
    return f"`{metric.name}`" + (f" ({settings})" if settings else "")


def _sources(registry: Registry) -> Iterator[str]:
    yield "## Files that can be read"
    yield "What `data.source` finds is read by its ending:"
    rows = []
    for entry in _entries(registry, "source"):
        claims = [*_claimed(entry, "endings"), *(f"{scheme}:" for scheme in _claimed(entry, "schemes"))]
        rows.append((entry.name, ", ".join(f"`{claim}`" for claim in claims), _prose(entry.cls.__doc__)))
    yield _table(("source", "endings", "what it reads"), rows)


def _claimed(entry: Entry, what: str) -> Sequence[str]:
    claims: Sequence[str] = getattr(entry.cls, what) if issubclass(entry.cls, Source) else ()
    return claims


def _first_sentence(text: str | None) -> str:
    return re.split(r"(?<=[.])(?<!al[.])\s", _prose(text), maxsplit=1)[0].rstrip(":")


def _prose(text: str | None, *, paragraphs: bool = False) -> str:
    """A docstring as Markdown; on one line unless its paragraphs are kept."""
    parts = [" ".join(part.split()) for part in re.split(r"\n\s*\n", (text or "").strip())]
    return ("\n\n" if paragraphs else " ").join(_escaped(part) for part in parts)


def _escaped(text: str) -> str:
    """Markdown's and HTML's own signs made harmless outside code."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if number % 2 else _harmless(part) for number, part in enumerate(parts))


def _harmless(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([`*~])", r"\\\1", text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    print(f"written to {PAGE.name}")

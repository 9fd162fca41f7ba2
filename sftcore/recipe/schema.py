"""The recipe as a frozen model: what each table may hold, with its defaults and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, PrivateAttr

from sftcore.components import (
    Component,
    Frozen,
    Metric,
    RowAugmenter,
    RowPreprocessor,
    Settings,
    TextAugmenter,
    TextPreprocessor,
)
from sftcore.errors import Problem
from sftcore.recipe.document import Document, KeyPath
from sftcore.recipe.fields import Codec, FolderName, Place, component, settings
from sftcore.recipe.train import Positive
from sftcore.recipe.train import Train as Train
from sftcore.task import Task

if TYPE_CHECKING:
    from sftcore.registry import Registry

Scalar: TypeAlias = bool | int | float | str
Preprocessor: TypeAlias = Annotated[TextPreprocessor | RowPreprocessor, *component("preprocessor")]
Augmenter: TypeAlias = Annotated[TextAugmenter | RowAugmenter, *component("augmenter")]


class ScratchTokenizer(Frozen):
    """The tokenizer of a model from nothing, trained on the training split."""

    kind: Literal["characters", "wordpiece", "bpe", "unigram"]
    """What a token is: a character, or a piece of a word by one of three algorithms."""
    vocab_size: int = Field(default=8000, ge=16)
    """How many different tokens there are at most."""


class Scratch(Frozen):
    """A model from nothing: weights are drawn at random, and every report says so."""

    config: Mapping[str, Any]
    """The model's configuration by transformers' own names: model_type, num_hidden_layers, hidden_size, …"""
    tokenizer: ScratchTokenizer
    """Its tokenizer."""


class Adapter(Frozen):
    """A PEFT adapter: only a small part of the weights is trained. Keys are those of `peft.LoraConfig`."""

    use: Literal["lora"]
    """The kind of adapter."""
    r: Positive = 8
    """The rank of the added matrices."""
    lora_alpha: Positive = 8
    """What the added matrices are scaled by, over their rank."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before the added matrices."""
    target_modules: str | tuple[str, ...] | None = None
    """The modules that get one: names, or a regular expression; default: PEFT's for the architecture."""
    modules_to_save: tuple[str, ...] | None = None
    """Modules that are trained and saved whole besides the head."""
    bias: Literal["none", "all", "lora_only"] = "none"
    """Which biases are trained."""
    use_rslora: bool = False
    """Scale by the square root of the rank."""
    use_dora: bool = False
    """Train magnitude and direction apart (DoRA)."""


class Model(Frozen):
    """The model to start from: `base` or `scratch`."""

    base: Annotated[str, Place] | None = None
    """A hub id, a directory, a GGUF file, or package:<import name>/<path in it>."""
    revision: str = Field(default="main", min_length=1)
    """Branch, tag or commit on the hub; the lock pins the commit."""
    max_length: Positive | None = None
    """The most tokens that are read of a row; default: what tokenizer and model take."""
    config: Mapping[str, Any] = Field(default_factory=dict)
    """Values of the base's configuration to change, by transformers' own names: hidden_dropout_prob, …"""
    scratch: Scratch | None = None
    """Instead of base: a model from nothing."""
    adapter: Adapter | None = None
    """Train an adapter instead of all weights."""


class SplitSources(Frozen):
    """A place for each split."""

    train: Annotated[str, Place]
    """Where the training rows are."""
    validation: Annotated[str, Place] | None = None
    """Where the validation rows are; default: taken from the training rows."""
    test: Annotated[str, Place] | None = None
    """Where the test rows are; default: taken from the training rows."""


class Condition(Frozen):
    """Keeps a row when its value in the column meets all that is given."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    min: float | None = None
    """The number is at least this."""
    max: float | None = None
    """The number is at most this."""
    equals: Scalar | None = None
    """The value is this."""
    in_: tuple[Scalar, ...] | None = Field(default=None, alias="in", min_length=1)
    """The value is one of these."""
    missing: bool | None = None
    """true: the value is missing; false: it is not."""


class SplitShares(Frozen):
    """The share of each split; they add up to 1."""

    train: float = Field(default=0.8, gt=0, le=1)
    """The share that is trained on."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    """The share that thresholds, early stopping and tuning look at."""
    test: float = Field(default=0.1, ge=0, lt=1)
    """The share that is scored once, at the end."""


class Data(Frozen):
    """The data: where it is, what its columns are for, which rows are kept and how they are split."""

    source: Annotated[str, Place] | SplitSources
    """A file, glob, folder, hub id or package:<import name>/<path>; or a table with one for each split."""
    encoding: Annotated[str, Codec] | None = None
    """The encoding of text files; default: detected, and a guess is said to be one."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """Role = column. The roles are the task's; a role that is not named is the column of its own name."""
    where: Mapping[str, Condition] = Field(default_factory=dict)
    """Column = condition: only rows that meet all conditions are kept."""
    limit: Positive | None = None
    """Only a sample of so many rows, stratified where the task has classes."""
    group: str | None = Field(default=None, min_length=1)
    """A column: rows of one group never lie in two splits, and intervals resample groups."""
    split: SplitShares = SplitShares()
    """The shares of the splits, for a source without splits of its own."""
    near_duplicates: Annotated[float, Field(gt=0, le=1)] | Literal[False] | None = None
    """From this Jaccard similarity on two texts are twins, which never lie in two splits; false: only exact ones.
    Default: 0.7 up to 200,000 rows."""

    @property
    def locations(self) -> tuple[str, ...]:
        """The places that the source names."""
        if isinstance(self.source, str):
            return (self.source,)
        named = (self.source.train, self.source.validation, self.source.test)
        return tuple(place for place in named if place is not None)


class Report(Frozen):
    """What the run's report, model card and logs may show."""

    texts: bool = True
    """false: no text of the data in report, model card or logs."""
    language: Literal["en", "zh"] = "en"
    """The language of report.html: English, or Simplified Chinese."""


class Recipe(Frozen):
    """An experiment: model, data, task and training. Read one by `Recipe.read("recipe.toml")`."""

    name: Annotated[str, FolderName] = "recipe"
    """The name of its runs; default: the file's name without .toml."""
    seed: int = Field(default=42, ge=0, lt=2**32)
    """The one seed of everything that is random."""
    requires: tuple[str, ...] = ()
    """Distributions that the recipe needs, as pip names them: "sftcore-plugin-sentiment>=0.1"."""
    model: Model
    """The model to start from."""
    data: Data
    """The data."""
    preprocess: tuple[Preprocessor, ...] = ()
    """Steps that every row passes, in this order."""
    augment: tuple[Augmenter, ...] = ()
    """Steps that make variants of training rows, in this order."""
    task: Annotated[Task, *component("task")]
    """The problem to solve."""
    train: Train = Train()
    """How the model is trained."""
    metrics: tuple[Annotated[Metric, *component("metric")], ...] = ()
    """What is measured; default: the task's own metrics. The first one is the main one."""
    report: Report = Report()
    """What the report may show, and its language."""
    plugins: Annotated[Mapping[str, Settings], *settings()] = Field(default_factory=dict)
    """Sections of plugins: [plugins.<name>]."""

    _document: Document = PrivateAttr(default_factory=Document)
    _folder: Path = PrivateAttr(default_factory=Path.cwd)
    _path: Path | None = PrivateAttr(default=None)
    _uses: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _qualified: Mapping[type[Component], str] = PrivateAttr(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path, overrides: Sequence[str] = (), registry: Registry | None = None) -> Self:
        """Read a TOML file; `overrides` are like `"train.num_train_epochs=1"`. Raises `sftcore.RecipeError`."""
        from sftcore.recipe import reading

        return reading.read(cls, Path(path), overrides, registry)

    @classmethod
    def from_toml(
        cls, text: str, folder: str | Path = ".", overrides: Sequence[str] = (), registry: Registry | None = None
    ) -> Self:
        """Read TOML text; relative paths in it are relative to `folder`. Raises `sftcore.RecipeError`."""
        from sftcore.recipe import reading

        return reading.from_toml(cls, text, Path(folder), overrides, registry)

    @classmethod
    def from_dict(
        cls,
        values: Mapping[str, Any],
        folder: str | Path = ".",
        overrides: Sequence[str] = (),
        registry: Registry | None = None,
    ) -> Self:
        """Validate plain values as a TOML file would hold them. Raises `sftcore.RecipeError`."""
        from sftcore.recipe import reading

        return reading.from_dict(cls, values, Path(folder), overrides, registry)

    @property
    def folder(self) -> Path:
        """The folder that relative paths are relative to, absolute."""
        return self._folder

    @property
    def path(self) -> Path | None:
        """The file that it was read from, as it was given; None for text and plain values."""
        return self._path

    @property
    def text(self) -> str:
        """The TOML text as it was given; "" for plain values."""
        return self._document.text

    @property
    def overrides(self) -> tuple[str, ...]:
        """The overrides as they were given."""
        return self._document.overrides

    @property
    def uses(self) -> Mapping[str, str]:
        """`distribution:name` of every component that it names, by key path: `{"task": "sftcore:…"}`."""
        return MappingProxyType(dict(self._uses))

    @property
    def required_distributions(self) -> tuple[str, ...]:
        """The names of the distributions in `requires`."""
        if not self.requires:
            return ()
        from packaging.requirements import Requirement

        return tuple(Requirement(text).name for text in self.requires)

    @property
    def all_metrics(self) -> tuple[Metric, ...]:
        """The recipe's metrics, or the task's own where it names none."""
        return self.metrics or tuple(self.task.default_metrics())

    def resolved(self) -> dict[str, Any]:
        """Everything as plain values: defaults included, metrics named, components by their qualified names."""
        table = self.model_dump(mode="json", by_alias=True)
        table["preprocess"] = [self._table(step) for step in self.preprocess]
        table["augment"] = [self._table(step) for step in self.augment]
        table["task"] = self._table(self.task)
        table["metrics"] = [self._table(metric) for metric in self.all_metrics]
        table["plugins"] = {name: self._table(section) for name, section in self.plugins.items()}
        return table

    def problem(self, key_path: str | KeyPath, message: str, advice: str = "") -> Problem:
        """A problem that points at a key of the recipe (or the nearest table in its file), for an error to carry."""
        return self._document.problem(key_path, message, advice)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A validated copy that keeps where it came from."""
        copy = super().model_copy(update=update, deep=deep)
        for name in ("_document", "_folder", "_path", "_uses", "_qualified"):
            setattr(copy, name, getattr(self, name))
        return copy

    def _table(self, component: Component) -> dict[str, Any]:
        use = self._qualified.get(type(component), component.name)
        return {"use": use, **component.model_dump(mode="json", by_alias=True)}

"""Mistakes of shape and name: each at its key, with the words that help."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sftcore import builtin
from sftcore.components import Frozen
from sftcore.errors import Problem, RecipeError, render
from sftcore.hooks import hookimpl
from sftcore.recipe import Recipe
from sftcore.registry import Registry


def problems(text: str, registry: Registry, *overrides: str) -> dict[str, Problem]:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_toml(text, registry=registry, overrides=overrides)
    assert "Input should" not in str(caught.value)
    for problem in caught.value.problems:
        assert len(render([problem]).splitlines()) <= 6
    return {problem.key: problem for problem in caught.value.problems}


def marked(problem: Problem) -> str:
    assert problem.excerpt is not None
    return problem.excerpt.text[problem.excerpt.start : problem.excerpt.start + problem.excerpt.length]


# what is replaced in the whole recipe, by what, the key of the problem, the part that is marked, what is said
CASES = [
    ("learning_rate", "learnig_rate", "train.learnig_rate", "learnig_rate", "unknown key; did you mean learning_rate?"),
    ("[train]\n", "[train]\nseed = 1\n", "train.seed", "seed", "write seed = ... at the top of the recipe"),
    ("[train]\n", "[train]\nname = 'x'\n", "train.name", "name", "name belongs to the top of the file, above"),
    (
        "[train]\n",
        "[train]\nlabels = ['a']\n",
        "train.labels",
        "labels",
        "unknown key in [train]; labels belongs to [task]",
    ),
    (
        "[data]\n",
        "[data]\nlearning_rate = 1\n",
        "data.learning_rate",
        "learning_rate",
        "learning_rate belongs to [train]",
    ),
    ("[data]\n", "[data]\nrate = 1\n", "data.rate", "rate", "rate belongs to [[augment]]"),
    ("seed = 7", "max_length = 7", "max_length", "max_length", "max_length belongs to [model]"),
    ("[train]\n", "[train]\nwarmup_ratio = 0.1\n", "train.warmup_ratio", "warmup_ratio", "warmup_steps = 0.1"),
    ("[train]\n", "[train]\nbf16 = true\n", "train.bf16", "bf16", 'precision = "bf16"'),
    ("[train]\n", "[train]\noutput_dir = 'x'\n", "train.output_dir", "output_dir", "runs/<name>/<id>"),
    ("[train]\n", "[train]\nhub_token = 'x'\n", "train.hub_token", "hub_token", "HF_TOKEN"),
    ("[train]\n", "[trian]\n", "trian", "trian", "did you mean train?"),
    ("rate = 0.2", "raet = 0.2", "augment.0.raet", "raet", "unknown key of random-deletion; did you mean rate?"),
    ("rate = 0.2", "rate = 2", "augment.0.rate", "2", "found 2"),
    ("rate = 0.2", "rate = '0.2'", "augment.0.rate", "'0.2'", "without quotes: 0.2"),
    ("volume = 2", "volume = 9", "preprocess.1.volume", "9", "expected a number of at most 3, found 9"),
    ("guest:shout", "guest:shuot", "preprocess.1.use", '"guest:shuot"', "did you mean shout?"),
    ("guest:shout", "gest:shout", "preprocess.1.use", '"gest:shout"', "did you mean guest?"),
    ('"lowercase"', '"lowercse"', "preprocess.0.use", '"lowercse"', "did you mean lowercase?"),
    ('"lowercase"', '"random-swap"', "preprocess.0.use", '"random-swap"', "it is the name of an augmenter"),
    ('"lowercase"', '"f1"', "preprocess.0.use", '"f1"', "unknown preprocessor 'f1'; it is the name of a metric"),
    ('use = "lowercase"', "on = ['text']", "preprocess.0.use", "preprocess", "missing; use names the preprocessor"),
    ('use = "lowercase"', "use = 1", "preprocess.0.use", "1", "expected a text in quotes, found 1"),
    ("[task]", "[[task]]", "task", "[[task]]", "write [task], in single brackets"),
    ("[[metrics]]", "[metrics]", "metrics", "[metrics]", "write [[metrics]], in double brackets"),
    ("seed = 7", "seed = 7.5", "seed", "7.5", "expected a whole number, found 7.5"),
    ("seed = 7", "seed = true", "seed", "true", "expected a whole number, found true"),
    ("seed = 7", "seed = '7'", "seed", "'7'", "write it without quotes: 7"),
    ("seed = 7", "seed = -1", "seed", "-1", "expected a number of at least 0, found -1"),
    ("seed = 7", "seed = inf", "seed", "inf", "a finite one was expected"),
    ("seed = 7", "seed = 2024-01-01", "seed", "2024-01-01", "dates and times are not used in recipes"),
    ("level = 2", "level = nan", "plugins.legal.level", "nan", "a finite one was expected"),
    ("level = 2", "levle = 2", "plugins.legal.levle", "levle", "did you mean level?"),
    ("level = 2", "level = 9", "plugins.legal", "[plugins.legal]", "no law goes beyond level 8"),
    ("level = 2", "level = 8", "plugins.legal", "[plugins.legal]", "guest:legal can't read its table: KeyError"),
    ("level = 2", "clauses = 'a'", "plugins.legal.clauses", "'a'", 'write ["a"]'),
    ("[plugins.legal]", "[plugins.leagl]", "plugins.leagl", "[plugins.leagl]", "did you mean legal?"),
    ("level = 2", "level = 2\n[plugins]\nother = 1", "plugins.other", "1", "unknown plugin section 'other'"),
    ('base = "some/model"', "base = ''", "model.base", "''", "found an empty text"),
    ('base = "some/model"', 'base = "D:\\new"', "model.base", '"D:\\new"', r"\n (a line break) in a path"),
    ('"reviews.csv"', "5", "data.source", "5", "expected a text in quotes or a table, found 5"),
    ('"reviews.csv"', "{ train = 'a', tset = 'b' }", "data.source.tset", "tset", "did you mean test?"),
    ('"reviews.csv"', "{ test = 'a' }", "data.source.train", "source", "missing: where the training rows are"),
    ("min = 0.99", "mim = 0.99", "data.where.confidence.mim", "mim", "did you mean min?"),
    ("min = 0.99", "in = []", "data.where.confidence.in", "[]", "expected at least 1 of them, found an empty list"),
    ("[data]\n", "[data]\nencoding = 'utf-99'\n", "data.encoding", "'utf-99'", "unknown encoding"),
    (
        "[data]\n",
        "[data]\nnear_duplicates = true\n",
        "data.near_duplicates",
        "true",
        "expected a number or false, found true",
    ),
    ("[data]\n", "[data]\ncolums = {}\n", "data.colums", "colums", "did you mean columns?"),
    ("[train]\n", "[train]\nprecision = 'fp61'\n", "train.precision", "'fp61'", "did you mean fp16?"),
    ("[train]\n", "[train]\nlr_scheduler_type = 'x'\n", "train.lr_scheduler_type", "'x'", '"linear"'),
    ("{ neg = 2.0, pos = 1.0 }", "'balnced'", "train.class_weights", "'balnced'", "did you mean balanced?"),
    (
        "{ neg = 2.0, pos = 1.0 }",
        "{ neg = -1 }",
        "train.class_weights.neg",
        "-1",
        "expected a number above 0, found -1",
    ),
    ('["neg", "pos"]', '"neg"', "task.labels", '"neg"', "expected a list in [ ]"),
    ('["neg", "pos"]', "[1, 2]", "task.labels.0", "1", "expected a text in quotes, found 1"),
    ('name = "sentiment"', 'name = "../x"', "name", '"../x"', "name of a folder"),
    ('name = "sentiment"', f'name = "{"情" * 41}"', "name", f'"{"情" * 41}"', "at most 120 bytes"),
    ('name = "sentiment"', "report = 1", "report", "1", "expected a table, found 1"),
    ('name = "sentiment"', "requires = ['no-such-thing>=1']", "requires.0", "'no-such-thing>=1'", "pip install"),
    ('name = "sentiment"', "requires = ['pydantic>=99']", "requires.0", "'pydantic>=99'", "needs >=99"),
    ('name = "sentiment"', "requires = ['a b']", "requires.0", "'a b'", "as pip names it"),
    ('average = "macro"', 'average = "makro"', "metrics.0.average", '"makro"', "did you mean macro?"),
]


@pytest.mark.parametrize(
    ("old", "new", "key", "mark", "said"), CASES, ids=[f"{case[2]}-{case[1][:20]}" for case in CASES]
)
def test_a_mistake_is_told_at_its_key(
    whole: str, registry: Registry, old: str, new: str, key: str, mark: str, said: str
) -> None:
    assert old in whole
    text = whole.replace(old, new, 1)
    found = problems(text, registry)
    assert key in found, list(found)
    assert said in f"{found[key].message}\n{found[key].advice}"
    assert marked(found[key]) == mark
    assert found[key].line is not None
    assert text.split("\n")[found[key].line - 1] == found[key].excerpt.text  # type: ignore[union-attr]  # marked asserts it


def test_a_step_written_as_a_text_is_shown_as_a_table(whole: str, registry: Registry) -> None:
    text = whole.replace('[[preprocess]]\nuse = "lowercase"\n[[preprocess]]\nuse = "guest:shout"\nvolume = 2\n', "")
    found = problems(f'preprocess = ["lowercase"]\n{text}', registry)
    assert 'write { use = "lowercase" }' in found["preprocess.0"].message


def test_missing_tables_and_keys(registry: Registry) -> None:
    found = problems("[task]\n", registry)
    assert set(found) == {"model", "data", "task.use"}
    assert '[model] with base = "..."' in found["model"].message
    assert "text-classification" in found["task.use"].message


def test_all_mistakes_at_once_in_the_order_of_the_file(whole: str, registry: Registry) -> None:
    text = whole.replace("seed = 7", "sede = 7").replace("max_length", "maxlength").replace("level", "levle")
    with pytest.raises(RecipeError) as caught:
        Recipe.from_toml(text, registry=registry, overrides=("train.x=1",))
    keys = [problem.key for problem in caught.value.problems]
    assert keys == ["sede", "model.maxlength", "plugins.legal.levle", "train.x"]


def test_mistakes_on_one_line_come_as_they_stand_there(whole: str, registry: Registry) -> None:
    text = whole.replace("train = 0.7, validation = 0.1, test", 'tset = 0.1, train = "a", validaton')
    with pytest.raises(RecipeError) as caught:
        Recipe.from_toml(text, registry=registry)
    keys = [problem.key for problem in caught.value.problems]
    assert keys == ["data.split.tset", "data.split.train", "data.split.validaton"]


def test_values_that_json_does_not_know_are_refused_from_python_too(registry: Registry) -> None:
    values = {"model": {"base": "x"}, "data": {"source": Path("x")}, "task": {"use": "text-classification"}}
    with pytest.raises(RecipeError, match="not a value that TOML has"):
        Recipe.from_dict(values, registry=registry)


# -- overrides -------------------------------------------------------------------------------------------------------


def test_overrides_are_toml_else_text(whole: str, registry: Registry) -> None:
    overrides = (
        "train.num_train_epochs=1",
        "augment.0.rate = 0.5",
        'task.labels=["neg", "pos", "x"]',
        "model.base=bert-base-chinese",
        "data.near_duplicates=false",
        'data.where."other column".min=1',
        "model.base=other/model",
    )
    recipe = Recipe.from_toml(whole, registry=registry, overrides=overrides)
    assert recipe.train.num_train_epochs == 1
    assert recipe.augment[0].model_dump()["rate"] == 0.5
    assert recipe.task.model_dump()["labels"] == ("neg", "pos", "x")
    assert recipe.model.base == "other/model"
    assert recipe.data.near_duplicates is False
    assert recipe.data.where["other column"].min == 1
    assert recipe.overrides == overrides
    assert recipe.text == whole


@pytest.mark.parametrize(
    ("override", "key", "said"),
    [
        ("train.learning_rat=1", "train.learning_rat", "did you mean learning_rate?"),
        ("seed=x", "seed", 'expected a whole number, found the text "x"'),
        ("seed=inf", "seed", "a finite one was expected"),
        ("task.labels=[1]", "task.labels.0", "expected a text in quotes, found 1"),
        ("preprocess.5.use=x", "", "preprocess has 2 entries, counted from 0; there is no 5"),
        ("preprocess.use=x", "", "counting from 0: preprocess.0.use"),
        ("seed.x=1", "", "seed is not a table"),
        ("seed", "", "expected key=value"),
        ("=1", "", "no key path"),
        ("a..b=1", "", "no key path"),
        ("metrics.0.use=distance", "metrics.0.use", "metrics that fit: accuracy"),
    ],
)
def test_a_mistake_in_an_override_names_the_override(
    whole: str, registry: Registry, override: str, key: str, said: str
) -> None:
    text = whole.replace('average = "macro"\n', "")
    with pytest.raises(RecipeError) as caught:
        Recipe.from_toml(text, registry=registry, overrides=(override,))
    (problem,) = caught.value.problems
    assert problem.where == f"--set {override}"
    assert problem.key == key
    assert problem.line is None
    assert said in f"{problem.message}\n{problem.advice}"


def test_an_override_of_several_lines_is_a_text(whole: str, registry: Registry) -> None:
    with pytest.raises(RecipeError, match="expected a whole number"):
        Recipe.from_toml(whole, registry=registry, overrides=("seed=1\nx=2",))


# -- the recipe that was read ----------------------------------------------------------------------------------------


def test_resolved_has_every_default_and_qualified_names(whole: str, registry: Registry) -> None:
    resolved = Recipe.from_toml(whole, registry=registry).resolved()
    assert [step["use"] for step in resolved["preprocess"]] == ["sftcore:lowercase", "guest:shout"]
    assert resolved["task"]["use"] == "sftcore:text-classification"
    assert resolved["plugins"]["legal"] == {"use": "guest:legal", "level": 2, "clauses": []}
    assert resolved["train"]["num_train_epochs"] == 3.0
    assert resolved["data"]["where"]["confidence"]["in"] is None
    assert json.loads(json.dumps(resolved)) == resolved


def test_the_resolved_recipe_is_a_recipe_again(whole: str, registry: Registry) -> None:
    recipe = Recipe.from_toml(whole, registry=registry)
    resolved = recipe.resolved()
    again = json.loads(json.dumps(resolved))
    for section in again["plugins"].values():
        del section["use"]
    assert Recipe.from_dict(again, registry=registry).resolved() == resolved


def test_the_task_s_own_metrics_stand_in_the_resolved_recipe(registry: Registry) -> None:
    values: dict[str, Any] = {
        "model": {"base": "x"},
        "data": {"source": "a.csv"},
        "task": {"use": "text-classification"},
    }
    recipe = Recipe.from_dict(values, registry=registry)
    assert not recipe.metrics
    assert recipe.all_metrics == tuple(recipe.task.default_metrics())
    assert all(metric["use"].startswith("sftcore:") for metric in recipe.resolved()["metrics"])


def test_a_problem_points_at_a_key_or_at_the_nearest_table(whole: str, registry: Registry) -> None:
    recipe = Recipe.from_toml(whole, registry=registry)
    assert marked(recipe.problem("data.columns.text", "no such column")) == '"sentence"'
    assert marked(recipe.problem("data.limit", "too few")) == "data"
    assert marked(recipe.problem(("preprocess", 1, "volume"), "x")) == "2"
    assert recipe.problem("report.texts", "x").line is None
    overridden = Recipe.from_toml(whole, registry=registry, overrides=("data.columns.text=body",))
    assert overridden.problem("data.columns.text", "x").where == "--set data.columns.text=body"


def test_a_recipe_survives_pickling(whole: str, registry: Registry) -> None:
    recipe = Recipe.from_toml(whole.replace("guest:shout", "whitespace").replace("volume = 2\n", ""), registry=registry)
    values = recipe.resolved()
    del values["plugins"]["legal"]
    recipe = Recipe.from_dict(values, folder="/data", registry=registry)
    again = pickle.loads(pickle.dumps(recipe))
    assert again.resolved() == recipe.resolved()
    assert (again.folder, again.uses) == (recipe.folder, recipe.uses)


def test_a_copy_is_validated_and_keeps_where_it_came_from(whole: str, registry: Registry) -> None:
    recipe = Recipe.from_toml(whole, registry=registry)
    copy = recipe.model_copy(update={"seed": 8})
    assert (copy.seed, recipe.seed, copy.text) == (8, 7, whole)
    assert copy.resolved() == {**recipe.resolved(), "seed": 8}
    with pytest.raises(ValueError):
        recipe.model_copy(update={"seed": "8"})


def test_what_was_read_is_frozen(whole: str, registry: Registry) -> None:
    recipe = Recipe.from_toml(whole, registry=registry)
    with pytest.raises(ValueError):
        recipe.seed = 1  # type: ignore[misc]  # that it is frozen is what is tested
    with pytest.raises(ValueError):
        recipe.train.num_train_epochs = 1.0  # type: ignore[misc]  # as above


def test_private_parts_are_in_no_dump(whole: str, registry: Registry) -> None:
    recipe = Recipe.from_toml(whole, registry=registry)
    assert set(recipe.model_dump()) == set(Recipe.model_fields)
    assert recipe.model_dump()["task"]["use"] == "text-classification"


def test_every_model_of_the_recipe_is_strict_and_frozen() -> None:
    models = [field.annotation for field in Recipe.model_fields.values()]
    for model in models:
        if isinstance(model, type) and issubclass(model, Frozen):
            assert model.model_config["frozen"]
            assert model.model_config["extra"] == "forbid"


def test_the_shape_check_loads_none_of_the_large_libraries(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('[model]\nbase = "x"\n[data]\nsource = "a.csv"\n[task]\nuse = "text-classification"\n')
    code = (
        "import sys; from types import SimpleNamespace; from sftcore import builtin\n"
        "from sftcore.recipe import Recipe; from sftcore.registry import Registry\n"
        f"Recipe.read({str(recipe)!r}, registry=Registry.of(('sftcore', builtin)))\n"
        "large = {'torch', 'transformers', 'datasets', 'evaluate', 'sklearn', 'pandas', 'pyarrow', 'scipy'}\n"
        "print(sorted(large & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_validators_are_told_the_recipe_s_folder(tmp_path: Path) -> None:
    from pydantic import ValidationInfo, field_validator

    from sftcore.components import TextPreprocessor

    class Listed(TextPreprocessor, name="listed"):
        """Reads its words from a file beside the recipe."""

        words: tuple[str, ...] = ()

        @field_validator("words")
        @classmethod
        def _read(cls, words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
            assert info.context is not None
            return tuple((info.context["folder"] / words[0]).read_text().split())

        def edits(self, text: str) -> list[tuple[int, int, str]]:
            return []

    module = ModuleType("listed")
    vars(module)["sftcore_register_preprocessors"] = hookimpl(specname="sftcore_register_preprocessors")(
        lambda: [Listed]
    )
    registry = Registry.of(("sftcore", builtin), ("guest", module))
    (tmp_path / "words.txt").write_text("one two")
    (tmp_path / "a.toml").write_text(
        'model.base = "x"\ndata.source = "a.csv"\ntask.use = "text-classification"\n'
        '[[preprocess]]\nuse = "listed"\nwords = ["words.txt"]\n'
    )
    recipe = Recipe.read(tmp_path / "a.toml", registry=registry)
    assert recipe.resolved()["preprocess"][0]["words"] == ["one", "two"]

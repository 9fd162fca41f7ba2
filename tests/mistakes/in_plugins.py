"""Mistakes of plugins, told to those who use them."""

from __future__ import annotations

from tests.mistakes.kit import add, component, m, plugin, put, shouting, source, top

USE = add('[[preprocess]]\nuse = "shout"\n')
PLUGIN = [
    m(
        "broken at import",
        "recipe.toml:17  preprocess.0.use",
        '"shout"',
        ("unknown preprocessor 'shout'", "shouty (ModuleNotFoundError"),
        plugin("import no_such_thing\n"),
        USE,
    ),
    m(
        "required and broken",
        "recipe.toml:2  requires.0",
        '"shouty"',
        "installed but broken: RuntimeError: boom",
        plugin("raise RuntimeError('boom')\n"),
        top('requires = ["shouty"]'),
    ),
    m(
        "exits at import",
        "recipe.toml:17  preprocess.0.use",
        '"shout"',
        "shouty (SystemExit",
        plugin("import sys\nsys.exit(3)\n"),
        USE,
    ),
    m(
        "misspelt hook",
        "recipe.toml:17  preprocess.0.use",
        '"shout"',
        "did you mean sftcore_register_preprocessors?",
        plugin("@hookimpl\ndef sftcore_register_preprocesors(): return []\n"),
        USE,
    ),
    m(
        "raises on a row",
        "recipe.toml:16  preprocess.0",
        "[[preprocess]]",
        ("shout raised KeyError: 'txt'", "(row 8 of the data)"),
        *shouting("return row if not row['text'].endswith(' 7') else row['txt']"),
    ),
    m(
        "returns no row",
        "recipe.toml:16  preprocess.0",
        "[[preprocess]]",
        "shout returned NoneType, not a row",
        *shouting("pass"),
    ),
    m(
        "drops all rows",
        "recipe.toml:16  preprocess",
        "[[preprocess]]",
        "preprocess leaves none of 60 rows: too loud",
        *shouting("return Drop('too loud')"),
    ),
    m(
        "exits on a row",
        "site/plug_shouty.py:5",
        "sys.exit(7)",
        "the plugin shouty 1.0 raised SystemExit: 7",
        *shouting("import sys; sys.exit(7)"),
    ),
    m(
        "edit beyond the text",
        "recipe.toml:16  augment.0",
        "[[augment]]",
        "outside the text",
        plugin(component("TextAugmenter", "augmenters", "def edits(self, text, rng): return [(0, 999, 'x')]")),
        add('[[augment]]\nuse = "shout"\n'),
    ),
    m(
        "half a character from a row",
        "recipe.toml:16  preprocess.0",
        "[[preprocess]]",
        "shout wrote a lone surrogate into 'text'",
        *shouting(r"return {**row, 'text': row['text'] + '\ud83d'}"),
    ),
    m(
        "half a character from an edit",
        "recipe.toml:16  preprocess.0",
        "[[preprocess]]",
        "writes a lone surrogate, which no tokenizer can read",
        plugin(component("TextPreprocessor", "preprocessors", r"def edits(self, text): return [(0, 1, '\ud83d')]")),
        add('[[preprocess]]\nuse = "shout"\n'),
    ),
    m(
        "metric that changes what it scores",
        "recipe.toml:16  metrics.0",
        "[[metrics]]",
        "assignment destination is read-only",
        plugin(component("Metric", "metrics", "def score(self, records): records.predictions[:] = 0; return {}")),
        add('[[metrics]]\nuse = "shout"\n'),
    ),
    m(
        "metric that raises",
        "site/plug_shouty.py:6",
        "raise KeyError('x')",
        "the plugin shouty 1.0 raised KeyError: 'x'",
        plugin(component("Metric", "metrics", "def score(self, records): raise KeyError('x')")),
        add('[[metrics]]\nuse = "shout"\n'),
    ),
    m(
        "metric without a name",
        "recipe.toml:16  metrics.0",
        "[[metrics]]",
        "score returned float; a dict of numbers by name",
        plugin(component("Metric", "metrics", "def score(self, records): return 0.5")),
        add('[[metrics]]\nuse = "shout"\n'),
    ),
    m(
        "task that raises",
        "site/plug_shouty.py:5",
        "raise KeyError('x')",
        ("raised KeyError", "tell its author"),
        plugin(component("TextClassification", "tasks", "def fit(self, rows): raise KeyError('x')")),
        put('"text-classification"', '"shout"'),
    ),
    m(
        "source that gives nothing",
        "loud:x",
        "",
        "gave NoneType; a datasets.Dataset",
        plugin(
            component("Source", "sources", "schemes = ('loud',)\n    def load(self, location, *, encoding=None): pass")
        ),
        source('"loud:x"'),
    ),
]

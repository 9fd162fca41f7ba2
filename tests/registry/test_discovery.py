"""Discovery and names with real installed distributions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sftcore import builtin
from sftcore.errors import PluginError, RecipeError
from sftcore.plugin_loading import candidates, load
from sftcore.registry import Registry, discover
from tests.registry.kit import GOOD, SOURCE, Install, found, plugin, read

pytestmark = pytest.mark.filterwarnings("ignore:Field name:UserWarning")


def test_an_installed_plugin_offers_its_components(install: Install) -> None:
    install("My_Plugin", GOOD)
    registry = found()
    mine = plugin("my-plugin", registry)
    assert (mine.version, mine.problem, mine.offers) == ("1.0", "", {"preprocessor": ["shout"]})
    assert (mine.editable, mine.entry_point) == (False, "plug_My_Plugin")
    assert mine.hooks == ("sftcore_register_preprocessors",)
    entry = registry.resolve("preprocessor", "shout")
    assert (entry.qualified, entry.version) == ("my-plugin:shout", "1.0")
    assert registry.entry_of(entry.cls) == entry
    assert registry.resolve("preprocessor", "my_plugin:shout") == entry


def test_the_core_comes_first_and_guests_by_name_whatever_the_order_of_installation(install: Install) -> None:
    install("zebra", GOOD)
    install("ant", GOOD)
    names = [each.distribution for each in found().plugins]
    assert names[0] == "sftcore"
    assert names[1:] == sorted(names[1:])
    assert {"ant", "zebra"} <= set(names)
    guests = [load(candidate) for candidate in candidates()]
    assert [each.distribution for each in Registry(reversed(guests)).plugins] == names


def test_an_editable_installation_is_known(install: Install) -> None:
    info = install("edited", GOOD)
    (info / "direct_url.json").write_text('{"url": "file:///src/edited", "dir_info": {"editable": true}}')
    assert plugin("edited").editable
    (info / "direct_url.json").write_text("torn")
    assert not found().parts("edited")[0].editable


def test_the_core_may_be_editable_too(install: Install) -> None:
    info = install("sftcore", GOOD, version="9.9")
    assert (next(candidates()).version, next(candidates()).editable) == ("9.9", False)
    (info / "direct_url.json").write_text('{"url": "file:///src/sftcore", "dir_info": {"editable": true}}')
    assert next(candidates()).editable


def test_importing_the_registry_loads_no_plugin() -> None:
    code = "import sys, sftcore.registry; print([m for m in sys.modules if m.startswith('sftcore.builtin')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_discovery_is_cached() -> None:
    assert discover() is discover()


def test_the_core_is_registered_by_its_hooks() -> None:
    registry = Registry.of(("sftcore", builtin))
    assert registry.resolve("task", "text-classification").qualified == "sftcore:text-classification"
    assert not registry.broken()
    assert {entry.kind for each in registry.plugins for entry in each.entries} >= {"source", "metric", "augmenter"}


def test_a_bare_name_of_the_core_means_the_core_s(install: Install) -> None:
    install("guest", GOOD.replace('"shout"', '"lowercase"'))
    registry = found()
    assert registry.resolve("preprocessor", "lowercase").distribution == "sftcore"
    assert registry.resolve("preprocessor", "guest:lowercase").distribution == "guest"
    assert "guest:lowercase" in registry.names("preprocessor")


def test_a_name_of_two_guests_needs_the_distribution(install: Install) -> None:
    install("one", GOOD)
    install("two", GOOD)
    registry = found()
    with pytest.raises(PluginError, match="write one:shout or two:shout"):
        registry.resolve("preprocessor", "shout")
    assert registry.resolve("preprocessor", "two:shout").distribution == "two"


def test_an_unknown_name_has_the_nearest_and_lists_what_is_broken(install: Install) -> None:
    install("broken", "import no_such_module\n")
    registry = found()
    with pytest.raises(PluginError) as caught:
        registry.resolve("preprocessor", "lowercas")
    (problem,) = caught.value.problems
    assert "did you mean lowercase?" in problem.message
    assert "broken (ModuleNotFoundError" in problem.advice
    with pytest.raises(PluginError, match="the plugin broken is installed but broken: ModuleNotFoundError"):
        registry.resolve("preprocessor", "broken:x")
    with pytest.raises(PluginError, match="sftcore has no preprocessor 'lowr'"):
        registry.resolve("preprocessor", "sftcore:lowr")


@pytest.mark.parametrize(
    ("location", "qualified"),
    [
        ("bucket:a/b.csv", "guest:bucket"),
        ("BUCKET:a", "guest:bucket"),
        ("data/x.lines.gz", "guest:bucket"),
        ("data/x.y.LINES.GZ", "guest:bucket"),
        ("x.csv", "sftcore:csv"),
        ("package:some/x.csv", "sftcore:csv"),
        ("C:\\data.d\\x.tsv", "sftcore:tsv"),
        ("data/*.jsonl", "sftcore:jsonl"),
        ("folder.csv/none", None),
        ("org/name", None),
        ("x.gz", None),
    ],
)
def test_the_source_of_a_location(install: Install, location: str, qualified: str | None) -> None:
    install("guest", SOURCE)
    entry = found().source_for(location)
    assert (entry and entry.qualified) == qualified


def test_a_place_that_two_guests_claim(install: Install) -> None:
    install("one", SOURCE)
    install("two", SOURCE)
    registry = found()
    with pytest.raises(PluginError, match="one and two both read 'bucket'"):
        registry.source_for("bucket:x")
    with pytest.raises(RecipeError, match=r"data\.source"):
        read(registry, data={"source": "bucket:x"})

from __future__ import annotations

from typing import Any

from sftcore.compare.differences import discreet, lock_differences, recipe_differences


def recipe(**changed: Any) -> dict[str, Any]:
    plain = {
        "name": "a",
        "seed": 42,
        "model": {"base": "x", "adapter": None},
        "preprocess": [{"use": "sftcore:lowercase", "on": ["text"]}],
        "metrics": [{"use": "sftcore:f1", "average": "macro"}],
    }
    return {"recipe": plain | changed}


def test_only_what_differs_is_named_with_the_value_of_each_run() -> None:
    other = recipe(name="b", seed=7, model={"base": "x", "adapter": {"use": "sftcore:lora", "r": 16}})
    found = recipe_differences([recipe(), other, recipe()])
    assert {one.key: one.values for one in found} == {
        "seed": (42, 7, 42),
        "model.adapter.use": (None, "sftcore:lora", None),
        "model.adapter.r": (None, 16, None),
    }
    assert found[1].shown() == ("", "sftcore:lora", "")
    assert recipe_differences([recipe(), recipe(name="b")]) == ()


def test_true_is_not_one_and_a_list_is_one_value() -> None:
    (one,) = recipe_differences([recipe(task={"flag": True}), recipe(task={"flag": 1})])
    assert one.shown() == ("true", "1")
    (one,) = recipe_differences([recipe(task={"labels": ["a", "b"]}), recipe(task={"labels": ["b", "a"]})])
    assert (one.key, one.shown()) == ("task.labels", ("a, b", "b, a"))


def test_other_steps_are_one_difference_and_other_settings_of_the_same_steps_are_keys() -> None:
    step = {"use": "sftcore:lowercase", "on": ["text"]}
    (one,) = recipe_differences([recipe(), recipe(preprocess=[{"use": "guest:cut", "at": 3, "by": None}, step])])
    assert (one.key, one.shown()) == ("preprocess", ("lowercase (on text)", "guest:cut (at 3), lowercase (on text)"))
    (one,) = recipe_differences([recipe(), recipe(metrics=[{"use": "sftcore:f1", "average": "micro"}])])
    assert (one.key, one.values) == ("metrics.0.average", ("macro", "micro"))
    assert recipe_differences([recipe(), recipe(preprocess=[])])[0].shown() == ("lowercase (on text)", "")


def lock(torch: str = "2.9", files: str = "aa", **more: Any) -> dict[str, Any]:
    return {
        "fingerprint": {
            "recipe": {"seed": 1},
            "data": {"sha256": "0123456789abcdef"},
            "packages": {"python": "3.11", "torch": torch, "sftcore": {"version": "1", "sha256": "ff"}},
            "plugins": {},
            "threads": 2,
            **more,
        },
        "environment": {"cores": 8, "packages": {"torch": {"version": torch, "sha256": files}}},
    }


def test_the_lock_differs_by_data_code_packages_and_machine() -> None:
    other = lock("2.10", "bb", data={"sha256": "fedcba9876543210"}, threads=1, plugins={"guest": {"version": "3"}})
    found = {one.key: one for one in lock_differences([lock(), other])}
    assert list(found) == ["data.sha256", "code.guest.version", "packages.torch.version", "machine.threads"]
    assert found["data.sha256"].shown() == ("0123456789ab", "fedcba987654")
    assert found["code.guest.version"].values == (None, "3")
    assert lock_differences([lock(), lock()]) == ()


def test_a_packages_files_are_told_where_its_version_says_nothing() -> None:
    assert [one.key for one in lock_differences([lock(), lock(files="bb")])] == ["packages.torch.sha256"]


def test_what_a_component_keeps_out_of_sight_is_not_shown() -> None:
    steps = [[{"use": "guest:redact", "parties": [name]}] for name in ("Smith", "Jones")]
    found = recipe_differences([recipe(preprocess=each) for each in steps])
    known = discreet(found, [frozenset({"preprocess.0.parties"})] * 2)
    assert [(one.key, one.shown()) for one in known] == [("preprocess.0.parties", ("…", "…"))]
    unknown = discreet(found, [None, frozenset()])
    assert unknown[0].shown() == ("…", "Jones")
    other = recipe_differences([recipe(preprocess=steps[0]), recipe()])
    assert "Smith" not in str(discreet(other, [frozenset({"preprocess.0.parties"}), frozenset()]))
    assert "Smith" not in str(discreet(other, [None, None]))

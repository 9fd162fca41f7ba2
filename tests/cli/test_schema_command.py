from __future__ import annotations

import json
from pathlib import Path

import pytest

from sftcore.cli import main


def test_the_schema_is_json_on_stdout_or_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {"model", "data", "task", "train"} <= set(shown["properties"])
    out = tmp_path / "recipe.schema.json"
    assert main(["schema", "--out", str(out)]) == 0
    assert json.loads(out.read_text(encoding="utf-8")) == shown
    assert "#:schema ./recipe.schema.json" in capsys.readouterr().out

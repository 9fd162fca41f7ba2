"""sftcore called as the pages show it, and whether the lines of a block come out, one by one."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import pytest

from sftcore.cli import main
from tests.docs.pages import Block

NUMBER = re.compile(r"\d[\d,.]*(?:e-?\d+)?")
UNIT = re.compile(r"0 [kM]?B\b")


@cache
def sftcore(command: str, folder: Path) -> tuple[str, str]:
    """What the command prints on either stream."""
    out, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(folder), redirect_stdout(out), redirect_stderr(errors):
        patch.setenv("COLUMNS", "90")
        patch.setenv("NO_COLOR", "1")
        main(shlex.split(command)[1:])
    return out.getvalue(), errors.getvalue()


def missing(block: Block, output: str, numbers: bool) -> list[str]:
    """Lines of the block that don't come, or not in this order; "…" stands for any lines between."""

    def plain(line: str) -> str:
        return line.rstrip() if numbers else " ".join(UNIT.sub("0 B", NUMBER.sub("0", line)).split())

    come = iter([plain(line) for line in output.splitlines()])
    wanted = [plain(line) for line in block.text.splitlines() if line.strip() not in ("", "…")]
    return [line for line in wanted if line not in come]

"""A page carried out: its commands by bash, its files written, what it shows compared with what was printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.figures import missing
from tests.docs.journeys import GIVEN, kept
from tests.docs.pages import ROOT, Block, name_of
from tests.hub import TOKEN, serving

CHECKOUT = ("recipes", "plugins", "benchmarks")
"""What the commands read of it."""
SERVES = re.compile(r"^sftcore try .*$", re.MULTILINE)
"""It ends when it is interrupted."""


@dataclass
class Journey:
    """A folder, and what has been printed in it by each command and by the last ones."""

    folder: Path
    base: str
    visited: set[Path] = field(default_factory=set)
    printed: dict[str, str] = field(default_factory=dict)
    last: str = ""

    @classmethod
    def begun(cls, folder: Path, base: str) -> Journey:
        """One with what a checkout has; `base` is the folder of a tiny BERT."""
        for part in CHECKOUT:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        return cls(folder, base)

    def go_through(self, block: Block) -> None:
        """Carry it out, write it, or compare it, as the page says."""
        self.arrive(block.page)
        if block.language == "console":
            self.carry_out(block)
        elif block.mark == "written":
            (self.folder / block.note).write_text(block.text, encoding="utf-8")
        else:
            self.show(block)

    def arrive(self, page: Path) -> None:
        """Lay down, once, what the page takes for granted."""
        if page not in self.visited:
            self.visited.add(page)
            GIVEN.get(name_of(page), lambda folder, base: None)(self.folder, self.base)

    def carry_out(self, block: Block) -> None:
        """The block's commands; what it shows below a `$` has to come out."""
        if block.mark == "before":
            self.bash(block.note)
        outputs = {command: self.bash(command) for command in commands(block.text)}
        self.printed |= outputs
        self.last = "\n".join(outputs.values())
        assert missing(answers(block.text), self.last) == [], self.last

    def show(self, block: Block) -> None:
        """What the block shows has to have been printed."""
        command = block.note.removeprefix("(about)").removeprefix(":").strip() if block.mark == "printed" else ""
        if command and command not in self.printed:
            self.printed[command] = self.bash(command)
        printed = self.printed[command] if command else self.last
        assert missing(block.text, printed, about=block.note.startswith("(about)")) == [], printed

    def bash(self, command: str) -> str:
        """What the command prints, once it has succeeded."""
        script = SERVES.sub(r"timeout --signal=INT 60 \g<0> || test $? = 124", command)
        with ExitStack() as stack:
            environment = os.environ | surroundings(self.folder)
            if "sftcore push" in command:
                environment |= {"HF_ENDPOINT": stack.enter_context(serving()).url, "HF_HUB_OFFLINE": "0"}
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        return done.stdout


def surroundings(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = {"PYTHONUTF8": "1", "NO_COLOR": "1", "COLUMNS": "90", "BROWSER": "true"}
    hub = {"HF_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1", "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    return {"PATH": path, **said, **hub}


def commands(text: str) -> Iterator[str]:
    """The commands of a block; where one stands behind a `$`, what does not is an answer."""
    dollars = "\n$ " in f"\n{text}"
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ ") or not dollars:
            command = kept(line.removeprefix("$ "))
            if command:
                yield command


def answers(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(line for line in lines if not line.startswith("$ ")) if "\n$ " in f"\n{text}" else ""

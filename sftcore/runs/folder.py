"""The run folder `runs/<name>/<id>/`: which run a command works on, and what it writes there."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore.errors import PluginError, Problem, RecipeError, RunError, did_you_mean
from sftcore.reporter import SILENT, Reporter
from sftcore.runs import files, shapes
from sftcore.runs.environment import environment
from sftcore.runs.fingerprint import changes
from sftcore.runs.locking import LOCK_FILE, Lock, holder, launch, rank

if TYPE_CHECKING:
    from sftcore.recipe import Recipe

SUMS = "SHA256SUMS"
LOG = "log.jsonl"
CHECKPOINTS = "checkpoints"
"""What training needs to go on: no part of a finished run, and the only files in it that are pickles."""
STARTING = ".starting-"
"""How the name of a run folder begins that is being made; a killed process may leave one."""

_ID = re.compile(r"[0-9]{4,}")
_SECONDS_TO_CHOOSE = 30.0
_SECONDS_TO_FOLLOW = 600.0
_OPENED = itertools.count()


@dataclass
class Run:
    """A run: its folder, and what can be read there.

    `resumed` says that it goes on from an earlier process; `writes` is False in all but the first process of a
    distributed launch, whose writing methods do nothing.
    """

    path: Path
    resumed: bool = False
    writes: bool = True

    @classmethod
    def find(cls, text: str | Path, runs: str | Path | None = None) -> Run:
        """The run in a run folder, or the newest run of a name or of the folder of a name.

        Raises `RunError` with the nearest names where there is none.
        """
        place = Path(text)
        below = runs_folder(runs)
        for path in (place, below / place):
            if (path / "lock.json").is_file():
                return cls(path)
        for path in (below / place, place) if str(text) else ():
            if newest := _newest(path):
                return cls(newest)
        raise RunError(_not_found(str(text), below))

    @property
    def name(self) -> str:
        """The recipe's name."""
        return str(self.lock.get("name") or self.path.parent.name)

    @property
    def id(self) -> str:
        """The number of the run among those of its name: `0001`."""
        return str(self.lock.get("id") or self.path.name)

    @property
    def sealed(self) -> bool:
        """Whether the run is finished: its hashes are written."""
        return (self.path / SUMS).is_file()

    @property
    def model_path(self) -> Path:
        """The folder that transformers loads."""
        return self.path / "model"

    @property
    def report_path(self) -> Path:
        """The page that shows the run; a run of an earlier version has none."""
        return self.path / "report.html"

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json; {} before the evaluation. Raises `RunError` if damaged, as the others do."""
        return self._read("metrics.json")

    @property
    def ledger(self) -> dict[str, Any]:
        """The content of ledger.json; {} before it is written."""
        return self._read("ledger.json")

    @cached_property
    def lock(self) -> dict[str, Any]:
        """The content of lock.json: resolved recipe, fingerprint, environment. Raises `RunError` if damaged."""
        return self._read("lock.json")

    @property
    def recipe_text(self) -> str:
        """The recipe as it was given; bytes that are no UTF-8 any more as U+FFFD."""
        return (self.path / "recipe.toml").read_bytes().decode(errors="replace")

    def recipe(self, folder: Path | None = None) -> Recipe:
        """The recipe as it was carried out, overrides and defaults included. Raises `PluginError`, `RecipeError`.

        Its relative paths are relative to `folder`; default: the run's, where none of them leads anywhere.
        """
        from sftcore.recipe import Recipe
        from sftcore.recipe.reading import as_written
        from sftcore.recipe.requirements import lacking
        from sftcore.registry import discover

        where = str(self.path / "lock.json")
        if "recipe" not in self.lock:
            raise RunError(_damaged(self.path / "lock.json", "it holds no recipe"))
        values = as_written(_without_nulls(self.lock["recipe"]))
        if isinstance(values.get("train"), dict):
            values["train"].pop("report_to", None)  # whoever uses the model needs none of its trackers
        absent = lacking(values, self.lock.get("fingerprint", {}).get("plugins", {}), discover(), where)
        if absent:
            raise PluginError(*absent)
        try:
            return Recipe.from_dict(values, folder=folder or self.path)
        except RecipeError as error:
            error.amend(lambda problem: replace(problem, where=where))
            raise

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file of the run, whole or not at all. Raises `RunError` where the run is sealed."""
        if self.writes:
            self._must_be_open(name)
            files.write_json(self.path / name, value)

    def log(self, event: Mapping[str, Any]) -> None:
        """Append an event and its time (UTC) to log.jsonl. Raises `RunError` where the run is sealed."""
        if self.writes:
            self._must_be_open(LOG)
            entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **event}
            line = json.dumps(files.plain(entry), ensure_ascii=False, allow_nan=False) + "\n"
            with files.disk_errors(self.path / LOG), open(self.path / LOG, "a", encoding="utf-8") as file:
                file.write(line)

    def _must_be_open(self, name: str) -> None:
        if self.sealed:
            raise RunError(Problem("the run is sealed: nothing is written to it any more", where=str(self.path / name)))

    def _read(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"), parse_constant=shapes.no_number)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise RunError(Problem(f"can't be read: {error.strerror or error}", where=str(path))) from error
        except (ValueError, RecursionError) as error:
            raise RunError(_damaged(path, str(error))) from error
        if not isinstance(content, dict):
            raise RunError(_damaged(path, "a JSON object was expected"))
        if flaws := list(shapes.flaws(content, shapes.FILES[name], str(path))):
            raise RunError(*flaws)
        return content


def _without_nulls(value: Any) -> Any:
    """A resolved recipe as TOML could hold it, which has no null."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def runs_folder(runs: str | Path | None = None) -> Path:
    """Where runs lie: as given, else SFTCORE_RUNS, else `runs` below the current folder."""
    return Path(runs or os.environ.get("SFTCORE_RUNS") or "runs")


def run_around(path: Path) -> Path | None:
    """The folder of the run that the path lies in, or is, links followed; None where it lies in none."""
    whole, own = path.resolve(), ("lock.json", "recipe.toml")
    return next((place for place in (whole, *whole.parents) if all((place / one).is_file() for one in own)), None)


@contextmanager
def open_run(
    recipe: Recipe,
    runs: str | Path | None,
    fingerprint: Mapping[str, Any],
    *,
    fresh: bool = False,
    reporter: Reporter = SILENT,
) -> Iterator[Run]:
    """Choose the run that the recipe's command works on, and hold its lock while the block runs.

    The newest run of the name goes on if it is unsealed and has the same fingerprint (`resumed`), and is given
    back if it is sealed and has the same fingerprint (`sealed`); otherwise, and with `fresh`, the next id
    begins: recipe.toml, overrides.json and lock.json are written, and the folder appears with them in it. A run
    that an error ends before its first checkpoint leaves no folder: the mended recipe finds nothing in its way.
    Raises `RunError` where the newest run is unsealed and something of its fingerprint changed (one problem a
    key), is in use or damaged.
    """
    folder, wanted = runs_folder(runs) / recipe.name, files.plain(dict(fingerprint))
    key = f"{launch()} {next(_OPENED)}"
    if rank() > 0:
        yield _follow(folder, key)
        return
    with files.disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    choosing = Lock(folder).acquire(timeout=_SECONDS_TO_CHOOSE)
    try:
        run, lock = _choose(recipe, folder, wanted, fresh, reporter)
    finally:
        choosing.release()
    try:
        if launch():
            lock.tell({"launch": key, "resumed": run.resumed})
        if not lock.exact:
            reporter.warning(f"{folder} has no file locks: don't start this recipe twice at a time")
        yield run
    except BaseException:
        if not run.resumed and not run.sealed:
            _discard_if_bare(run.path)
        raise
    finally:
        lock.release(keep=bool(launch()))  # kept: a slower process of this launch may still have to read it


def _choose(
    recipe: Recipe, folder: Path, fingerprint: dict[str, Any], fresh: bool, reporter: Reporter
) -> tuple[Run, Lock]:
    """The run to work on, locked. A sealed one needs no lock for itself and waits for none."""
    newest = None if fresh else _newest(folder, reporter)
    if newest is None:
        return _begin(recipe, folder, fingerprint, reporter)
    run = Run(newest)
    lock = Lock(newest)
    if not run.sealed:
        lock.acquire()
    try:
        changed = changes(_recorded(run), fingerprint)
        if run.sealed:
            return (run, lock) if not changed else _begin(recipe, folder, fingerprint, reporter)
        if changed:
            raise RunError(*_changed(run, changed, folder))
        _go_on(run, recipe, fingerprint)
    except BaseException:
        lock.release()
        raise
    return run, lock


def _begin(recipe: Recipe, folder: Path, fingerprint: dict[str, Any], reporter: Reporter) -> tuple[Run, Lock]:
    """The next run, made beside its place and renamed, so that it appears whole."""
    path = folder / _next_id(folder)
    starting = folder / f"{STARTING}{path.name}"
    with files.disk_errors(path):
        for left in folder.glob(f"{STARTING}*"):
            shutil.rmtree(left)
        starting.mkdir()
        try:
            _write_beginning(recipe, starting, path.name, fingerprint)
            Run(starting).log({"event": "started"})
            starting.rename(path)
            files.sync_folder(folder)
        except BaseException:
            shutil.rmtree(starting, ignore_errors=True)
            raise
    return Run(path), Lock(path).acquire()


def _discard_if_bare(path: Path) -> None:
    """Remove the folder of a run that has come to nothing."""
    if any((path / CHECKPOINTS).glob("checkpoint-*")):
        return
    discarded = path.with_name(f"{STARTING}{path.name}")
    with suppress(OSError):
        path.rename(discarded)
        shutil.rmtree(discarded)


def _write_beginning(recipe: Recipe, folder: Path, number: str, fingerprint: dict[str, Any]) -> None:
    files.write_text(folder / "recipe.toml", recipe.text)
    files.write_json(folder / "overrides.json", list(recipe.overrides))
    lock = {
        "name": recipe.name,
        "id": number,
        "fingerprint": fingerprint,
        "recipe": recipe.resolved(),
        "environment": environment(),
    }
    files.write_json(folder / "lock.json", lock)


def _go_on(run: Run, recipe: Recipe, fingerprint: dict[str, Any]) -> None:
    """Mend what a killed process left, and write down the recipe anew (its `[report]` may have changed)."""
    run.resumed = True
    with files.disk_errors(run.path):
        files.remove_parts(run.path)
        _mend_log(run.path / LOG)
    _write_beginning(recipe, run.path, run.id, fingerprint)
    del run.lock
    run.log({"event": "resumed"})


def _mend_log(path: Path) -> None:
    """Cut off a last line that a crash tore."""
    if not path.is_file():
        return
    with open(path, "rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)


def _recorded(run: Run) -> dict[str, Any]:
    recorded = run.lock.get("fingerprint")
    if not isinstance(recorded, dict):
        raise RunError(_damaged(run.path / "lock.json", "it holds no fingerprint"))
    return recorded


def _changed(run: Run, changed: list[tuple[str, str, str]], folder: Path) -> list[Problem]:
    one = len(changed) == 1
    found = "one thing has changed that decides" if one else f"{len(changed)} things have changed that decide"
    head = Problem(
        f"this run is not finished, and {found} its result",
        where=str(run.path),
        advice=f"undo the change to go on, or start the next run ({_next_id(folder)}) with --fresh",
    )
    return [head, *(Problem(f"{old} → {new}", where=str(run.path), key=key) for key, old, new in changed)]


def _numbered(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _ID.fullmatch(path.name)), key=lambda path: int(path.name))


def _next_id(folder: Path) -> str:
    return f"{max((int(path.name) for path in _numbered(folder)), default=0) + 1:04d}"


def _newest(folder: Path, reporter: Reporter = SILENT) -> Path | None:
    """The run with the highest number. What has a number and no lock.json was made by somebody else."""
    for path in reversed(_numbered(folder)):
        if (path / "lock.json").is_file():
            return path
        reporter.warning(f"{path} is no run (it has no lock.json) and is left alone")
    return None


def _follow(folder: Path, key: str) -> Run:
    """The run that the first process of this launch chose."""
    end = time.monotonic() + _SECONDS_TO_FOLLOW
    while time.monotonic() < end:
        for path in reversed(_numbered(folder)):
            held = holder(path / LOCK_FILE)
            if held.get("launch") == key:
                return Run(path, resumed=bool(held.get("resumed")), writes=False)
        time.sleep(0.05)
    raise RunError(Problem("the first process of this launch has not chosen a run", where=str(folder)))


def _damaged(path: Path, why: str) -> Problem:
    return Problem(f"is damaged: {why}", where=str(path), advice=shapes.ADVICE)


def _not_found(text: str, runs: Path) -> Problem:
    if text and Path(text).is_dir():
        advice = "a run folder is runs/NAME/0001, as sftcore run RECIPE makes it; a copy has to be whole"
        return Problem("this folder is no run: it has no lock.json", where=text, advice=advice)
    names = [path.name for path in runs.iterdir() if _newest(path)] if runs.is_dir() else []
    if not names:
        advice = "give a run folder, --runs, or SFTCORE_RUNS; sftcore run RECIPE makes runs"
        return Problem(f"there is no run {text}", where=str(runs), advice=advice)
    return Problem(f"there is no run {text}{did_you_mean(text, names)}", where=str(runs))

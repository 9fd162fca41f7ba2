"""A finished run's model on the Hugging Face hub: what would be uploaded where, and the upload."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sftcore.errors import HubError, Problem, UsageError
from sftcore.models.calls import first_line
from sftcore.reporter import SILENT, Reporter
from sftcore.runs import card, files
from sftcore.runs.folder import Run
from sftcore.runs.verify import require_whole

if TYPE_CHECKING:
    from huggingface_hub import HfApi

YOU = "<you>"
"""The namespace in the plan of an upload, as long as the hub was not asked whose token it is."""
_LOG_IN = "hf auth login, or set HF_TOKEN to a token that may write (made at https://huggingface.co/settings/tokens)"
_REPEAT = "repeat the command: what the hub has already is not sent again"


@dataclass(frozen=True, slots=True)
class Push:
    """An upload, planned or done.

    `files` are name and bytes of what is uploaded, all of `model/`. `exists` says whether the repository was there
    before, with the files of the same names `replaced` by it and the others `kept`; None: the hub was not asked.
    `notes` are sentences about what goes with it. `url` and `commit` are "" as long as nothing was uploaded.
    """

    run: str
    repo: str
    private: bool
    files: tuple[tuple[str, int], ...]
    card: tuple[str, ...]
    notes: tuple[str, ...]
    exists: bool | None = None
    replaced: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    url: str = ""
    commit: str = ""

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(size for _, size in self.files)

    def as_json(self) -> dict[str, Any]:
        """The upload as a JSON object, for `--json`."""
        listed = [{"name": name, "bytes": size} for name, size in self.files]
        return {**asdict(self), "files": listed, "uploaded": bool(self.url)}


def plan_push(run: Run, to: str = "", *, public: bool = False, ask: bool = True, reporter: Reporter = SILENT) -> Push:
    """What uploading the run's model would do. Nothing is written, here or there.

    `to` is `namespace/name`, or a name in the namespace of the token's owner; default: the run's name. `ask=False` asks
    nothing of the hub. Raises `RunError` for a run that is not finished or was changed since, `UsageError` for a name
    that no repository can have, and for a public repository where `public` was not said, `HubError` without a token or
    an answer.
    """
    require_whole(run, "push", reporter)
    name = to or run.name
    _check_name(name, given=bool(to))
    found = files.walk(run.model_path)
    planned = Push(
        run=str(run.path),
        repo=name if "/" in name else f"{YOU}/{name}",
        private=not public,
        files=tuple((path.relative_to(run.model_path).as_posix(), path.stat().st_size) for path in found),
        card=_card(run),
        notes=tuple(_notes(run)),
    )
    if not ask:
        return planned
    reporter.stage("push", "hub")
    return _located(planned, _api())


def push(run: Run, planned: Push, reporter: Reporter = SILENT) -> Push:
    """Upload what was planned: make the repository where there is none, and put all files into it in one commit, so
    that nobody ever finds half a model there.

    Raises `HubError` where the hub refuses or does not answer; the repository is then as it was, or new and empty.
    """
    from huggingface_hub import CommitOperationAdd

    reporter.stage("push", "upload")
    api = _api()
    with _answered(api, _REPEAT):
        api.create_repo(planned.repo, private=planned.private, exist_ok=True)
        done = api.create_commit(
            planned.repo,
            [CommitOperationAdd(name, str(run.model_path / name)) for name, _ in planned.files],
            commit_message=f"{run.name} {run.id}, trained with sftcore",
        )
    return replace(planned, url=f"{api.endpoint}/{planned.repo}", commit=str(done.oid))


def _check_name(name: str, *, given: bool) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        where = "--to" if given else "sftcore push"
        advice = "--to NAMESPACE/NAME: letters, digits, - _ and . are allowed, at most 96"
        raise UsageError(Problem("no repository can have this name", where, value=name, advice=advice)) from error


def _card(run: Run) -> tuple[str, ...]:
    """The headings of the model card."""
    text = (run.model_path / card.FILE).read_text(encoding="utf-8")
    return tuple(re.findall(r"^## (.+)$", text, re.MULTILINE))


def _notes(run: Run) -> Iterator[str]:
    """What somebody ought to know before others have the model."""
    yield "nothing else of the run goes with it: no rows, no predictions, no logs"
    if run.lock.get("recipe", {}).get("model", {}).get("scratch"):
        yield "tokenizer.json holds words of the training texts: the tokenizer was trained on them"
    if (run.model_path / "generation_config.json").is_file():
        yield "a model that writes may have learned training texts by heart, and write them for others"
    yield "README.md and task_state.json hold what the recipe says of the data's place, the classes' names, and figures"
    if not _licence(run) and run.lock.get("recipe", {}).get("model", {}).get("base"):
        yield "the licence of the base model is not known: whether it may be passed on is for you to find out"


def _licence(run: Run) -> str:
    from huggingface_hub import metadata_load

    return str((metadata_load(run.model_path / card.FILE) or {}).get("license") or "")


def _api() -> HfApi:
    """The hub's interface, with the token of the environment or of an earlier login. Raises `HubError` without one."""
    from huggingface_hub import HfApi, get_token

    if not get_token():
        raise HubError(Problem("there is no token to upload with", where="the hub", advice=_LOG_IN))
    return HfApi()


def _located(planned: Push, api: HfApi) -> Push:
    """The plan, with what the hub says: whose token it is, and whether the repository is there already."""
    from huggingface_hub.errors import RepositoryNotFoundError

    with _answered(api):
        owner = api.whoami()["name"] if planned.repo.startswith(YOU) else ""
        repo = planned.repo.replace(YOU, owner, 1)
        try:
            info = api.model_info(repo)
        except RepositoryNotFoundError:
            return replace(planned, repo=repo, exists=False)
    if not info.private and planned.private:
        advice = "--public uploads to it all the same; --to NAMESPACE/NAME names another, which will be private"
        message = f"{repo} exists and is public: what is uploaded there everybody can read"
        raise UsageError(Problem(message, where="sftcore push", advice=advice))
    stays = "the repository is private and stays so: its settings on the hub make it public"
    theirs, ours = {each.rfilename for each in info.siblings or ()}, {name for name, _ in planned.files}
    return replace(
        planned,
        repo=repo,
        private=bool(info.private),
        notes=(*planned.notes, *([stays] if info.private and not planned.private else [])),
        exists=True,
        replaced=tuple(sorted(theirs & ours)),
        kept=tuple(sorted(theirs - ours - {".gitattributes"})),
    )


@contextmanager
def _answered(api: HfApi, advice: str = "") -> Iterator[None]:
    """Turn what the hub's library raises into what the user can mend; no message holds the token."""
    from huggingface_hub import get_token

    try:
        yield
    except Exception as error:  # it raises a dozen kinds, from its own to those of the HTTP and Xet libraries
        told = next((found for kind in _KINDS if (found := kind(error))), None)
        message, mend = told or (f"the hub can't be reached: {first_line(error)}", advice or "try again later")
        token = get_token() or ""
        safe = message.replace(token, "…") if token else message
        raise HubError(Problem(safe, where=api.endpoint, advice=mend if told else _joined(mend, advice))) from error


def _joined(*parts: str) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))


def _offline(error: Exception) -> tuple[str, str] | None:
    from huggingface_hub.errors import OfflineModeIsEnabled

    found = isinstance(error, OfflineModeIsEnabled)
    return ("HF_HUB_OFFLINE is set, so nothing is uploaded", "unset it; --dry-run needs no hub") if found else None


def _refused(error: Exception) -> tuple[str, str] | None:
    """An answer of the hub, which the libraries may have wrapped."""
    status = _status(error)
    if status in (401, 403):
        return f"the hub refuses ({status}): the token is not valid, or may not write there", _LOG_IN
    return (f"the hub answered {status}: {first_line(error)}", _REPEAT) if status else None


def _status(error: BaseException | None) -> int:
    """The status code of the response in an error or in what it came from; 0 where there is none."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:
            return int(response.status_code)
        error = error.__cause__ or error.__context__
    return 0


_KINDS: tuple[Callable[[Exception], tuple[str, str] | None], ...] = (_offline, _refused)

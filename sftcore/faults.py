"""What the code of a component raised, in words, with the line of its own file."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sftcore.components import Component


def raised(component: type[Component], error: BaseException, *, quoting: bool = True) -> str:
    """`KeyError: 'label' (my_plugin/steps.py:12)`: the innermost line that lies in a file of the class or of
    one that it derives from. The core's own files are no place, and where there is none the text ends before it.
    Without `quoting` the error's own words, which may hold a text of the data, are left out."""
    said = " ".join(str(error).split())[:240] if quoting else ""
    files = {_file(cls) for cls in component.__mro__} - {""}
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    place = f" ({'/'.join(Path(own[-1].filename).parts[-2:])}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}{f': {said}' if said else ''}{place}"


def _file(cls: type) -> str:
    """The file of the function that a guest's class defines, "" for the core's and for what has none."""
    if cls.__module__.partition(".")[0] in ("sftcore", "builtins", "pydantic", "abc"):
        return ""
    codes = (getattr(value, "__code__", None) for value in vars(cls).values())
    return next((code.co_filename for code in codes if code is not None), "")

"""What `sftcore check` finds: everything short of training, as one plain value.

`found` is that value, `looking` makes it by the stages of a run, so that what is shown is what a run would do,
`shown` chooses rows to look at, and `judging` says what needs attention.
"""

from __future__ import annotations

from sftcore.checking.found import CheckResult, Example, Finding, Lengths, Relative, Shape, Twins
from sftcore.checking.looking import check, shape

__all__ = ["CheckResult", "Example", "Finding", "Lengths", "Relative", "Shape", "Twins", "check", "shape"]

"""Two or more runs side by side: what their recipes and machines differ in, and whether one is better on the same rows.

`compare` gives plain values; the command line and the page show them.
"""

from __future__ import annotations

from sftcore.compare.comparison import Comparison, Side, compare
from sftcore.compare.differences import Difference
from sftcore.compare.pairing import Pair
from sftcore.compare.reasons import Reason

__all__ = ["Comparison", "Difference", "Pair", "Reason", "Side", "compare"]

"""How many test rows a plain random split would have given a twin among the training rows.

    python benchmarks/twins.py [RECIPE] [--seeds 5]

The recipe's rows are read, filtered and preprocessed as in a run, and their twins are found as in a run. Then the rows
are split as most scripts do it: at random, classes evenly, each row on its own. sftcore's own split has none such.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

STARTER = Path(__file__).parent.parent / "recipes/sentiment.toml"


def shares(recipe_file: Path, seeds: int) -> tuple[int, int, list[float]]:
    """Rows, rows with a twin, and for each seed the share of the test rows that have one among the training rows."""
    from sftcore import Recipe
    from sftcore.data.allocate import allocate
    from sftcore.data.ledger import Ledger
    from sftcore.data.load import load_rows
    from sftcore.data.rows import Rows
    from sftcore.data.twins import find_twins
    from sftcore.preparing import preprocessed
    from sftcore.registry import discover
    from sftcore.reporter import SILENT

    recipe = Recipe.read(recipe_file)
    given = load_rows(recipe, discover(), Ledger(), SILENT).rows
    processed = preprocessed(given, recipe, Ledger())
    if not (isinstance(given, Rows) and isinstance(processed, Rows)) or len(given) != len(processed):
        raise SystemExit("this is for recipes whose source has no splits of its own and whose steps drop no rows")
    groups = find_twins(given, processed, recipe.task.roles, recipe.data.near_duplicates).groups
    strata = [recipe.task.stratum(row) for row in given.values]
    parts = recipe.data.split
    found = []
    for seed in range(seeds):
        chance = np.random.default_rng(seed).random(len(given))
        dealt = allocate(np.arange(len(given)), strata, [parts.train, parts.validation, parts.test], chance)
        found.append(float(np.isin(groups[dealt == 2], groups[dealt == 0]).mean()))
    sizes = np.unique(groups, return_counts=True)[1]
    return len(given), int(sizes[sizes > 1].sum()), found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", type=Path, default=STARTER)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    rows, twins, found = shares(given.recipe, given.seeds)
    print(f"{rows:,} rows, {twins:,} of them with a twin")
    print("test rows with a twin among the training rows, by seed: " + ", ".join(f"{share:.1%}" for share in found))


if __name__ == "__main__":
    main()

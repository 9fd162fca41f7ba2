"""How long the report of a run with many test rows takes to render, and how large the page is.

    python benchmarks/report.py [--rows 100000] [--classes 20] [--characters 200] [--rounds 5]

The run is made up, its scores are computed by the real code: classification, texts of so many characters which
preprocessing changed, logits and token ids beside them. Each round is a process of its own, so that imports count;
seconds of wall time and of the processor are from the start of `write_report` to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
WORDS = "The quick brown fox jumps over the lazy dog and comes back late in the evening "


def make(folder: Path, rows: int, classes: int, characters: int) -> Path:
    """A run folder with so many test rows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tests.report.builder import make_run

    text = (WORDS * (characters // len(WORDS) + 1))[:characters]
    path = make_run(folder, rows=rows, classes=classes, text=text, resamples=20)
    file, rng = path / "predictions.parquet", np.random.default_rng(0)
    table = pq.read_table(file)
    for name, width, kind in (("logits", classes, np.float32), ("input_ids", 48, np.int32)):
        values = pa.array((1000 * rng.random(rows * width)).astype(kind))
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * width)
        table = table.append_column(name, pa.ListArray.from_arrays(offsets, values))
    pq.write_table(table, file, compression="zstd")
    return path


def measure(path: Path) -> None:
    """Render the page once and print what it took, as JSON."""
    began, cpu = time.perf_counter(), time.process_time()
    from sftcore.report import write_report

    page = path / "report.html"
    failures = write_report(path, to=page)
    taken = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu, "bytes": page.stat().st_size}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**taken, "peak_mib": peak, "failures": failures}))


def run_round(path: Path) -> dict[str, float]:
    """One rendering in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--measure", str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(values: list[float], form: str = ".2f") -> str:
    """Median and range."""
    return f"{statistics.median(values):{form}} (from {min(values):{form}} to {max(values):{form}})"


def told(arguments: argparse.Namespace, path: Path, rounds: list[dict[str, float]]) -> None:
    """Print command, machine, versions and figures."""
    names = ("sftcore", "matplotlib", "jinja2", "pyarrow", "numpy")
    print("command   python " + " ".join(sys.argv))
    print(f"machine   {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.system()}")
    print(f"versions  Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names))
    size = (path / "predictions.parquet").stat().st_size / 1e6
    print(f"run       {arguments.rows:,} test rows, {arguments.classes} classes, predictions.parquet {size:.1f} MB")
    print(f"rounds    {len(rounds)}, each a process of its own")
    print(f"wall      {spread([one['wall'] for one in rounds])} s")
    print(f"processor {spread([one['cpu'] for one in rounds])} s")
    print(f"memory    {spread([one['peak_mib'] for one in rounds], '.0f')} MiB at most")
    print(f"page      {rounds[0]['bytes'] / 1e6:.3f} MB, parts that failed: {rounds[0]['failures'] or 'none'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--characters", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    with TemporaryDirectory() as folder:
        sys.path.insert(0, str(ROOT))
        path = make(Path(folder), arguments.rows, arguments.classes, arguments.characters)
        told(arguments, path, [run_round(path) for _ in range(arguments.rounds)])


if __name__ == "__main__":
    main()

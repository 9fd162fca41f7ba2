"""Every task on real data, over several seeds, each beside its baselines.

    python benchmarks/tasks.py --data DIR [--only NAME ...] [--seeds 5] [--work DIR] [--out FILE.md]

DIR holds public data sets, which are not part of this project: `cuad/clause_type.csv` (the clauses of LegalBench's CUAD
tasks: text, label), `policyqa/dev.json` and `test.json` (PolicyQA), `xquad/xquad.en.json` and `xquad.zh.json`, and
`rule_qa/rule_qa.tsv` (LegalBench: text, label, slice). A case puts what it needs of them beside a copy of its recipe
in a folder of its own; then `sftcore run` carries the recipe out, once for each seed, in a process of its own. The seed
decides the split, where the data have none, and everything that training draws. Cases named after a recipe in
`recipes/` run it as it is, on its sample. With `--work` folders and runs are kept, and finished runs not repeated.

The table has, for each metric, the median and the range over the seeds, and beside it the interval of the median run,
its hardest baseline, and the gain over that, paired on the same rows.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent
OWN, SHIPPED = ROOT / "benchmarks/recipes", ROOT / "recipes"
Prepare = Callable[[Path, Path], None]
"""Reads the data sets in the first folder and writes what a recipe needs into the second."""

# -- from data sets to files that recipes read -----------------------------------------------------------------------


def copied(*names: str) -> Prepare:
    """The files as they are."""

    def prepare(data: Path, folder: Path) -> None:
        for name in names:
            shutil.copyfile(data / name, folder / Path(name).name)

    return prepare


def policy_documents(data: Path, folder: Path) -> None:
    """PolicyQA with one document a policy, and at most 40 questions about each, as each has many windows."""
    for split in ("dev", "test"):
        articles = read_json(data / f"policyqa/{split}.json")["data"]
        write_squad(folder / f"{split}.json", [joined(article, most=40) for article in articles])


def joined(article: dict[str, Any], most: int) -> dict[str, Any]:
    """The segments of an article as one text; what several segments answer is one question with all answers.

    At most so many of the questions are kept, spread evenly over the document.
    """
    context = ""
    questions: dict[str, dict[str, Any]] = {}
    for segment in article["paragraphs"]:
        for asked in segment["qas"]:
            question = questions.setdefault(asked["question"], {**asked, "answers": []})
            question["answers"] += [shifted(answer, len(context)) for answer in asked["answers"]]
        context += segment["context"] + "\n\n"
    kept = list(questions.values())
    if len(kept) > most:
        kept = [kept[number * len(kept) // most] for number in range(most)]
    return {"title": article["title"], "paragraphs": [{"context": context.rstrip(), "qas": kept}]}


def shifted(answer: dict[str, Any], by: int) -> dict[str, Any]:
    """The answer with its place in a text that has so many characters more before it."""
    return {**answer, "answer_start": answer["answer_start"] + by}


def fifty_questions(data: Path, folder: Path) -> None:
    """The first 50 questions of XQuAD in English."""
    left, articles = 50, []
    for article in read_json(data / "xquad/xquad.en.json")["data"]:
        paragraphs = []
        for paragraph in article["paragraphs"]:
            paragraphs.append({**paragraph, "qas": paragraph["qas"][:left]})
            left -= len(paragraphs[-1]["qas"])
        articles.append({**article, "paragraphs": [some for some in paragraphs if some["qas"]]})
    write_squad(folder / "fifty.json", [article for article in articles if article["paragraphs"]])


def rule_questions(data: Path, folder: Path) -> None:
    """LegalBench's rule_qa as prompts and completions."""
    with (data / "rule_qa/rule_qa.tsv").open(encoding="utf-8", newline="") as file:
        rows = [{"prompt": row["text"], "completion": row["label"]} for row in csv.DictReader(file, delimiter="\t")]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (folder / "rule_qa.jsonl").write_text("".join(lines), encoding="utf-8")


def sample(data: Path, folder: Path) -> None:
    """The samples that ship with the recipes."""
    shutil.copytree(SHIPPED / "samples", folder / "samples", dirs_exist_ok=True)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_squad(path: Path, articles: Sequence[dict[str, Any]]) -> None:
    path.write_text(json.dumps({"version": "1.1", "data": articles}, ensure_ascii=False), encoding="utf-8")


# -- the cases -------------------------------------------------------------------------------------------------------

MINILM, SMOLLM = "MiniLM, 22 million", "SmolLM2, 135 million, LoRA"
ZH_BERT, T5 = "BERT of characters, from nothing", "T5, from nothing"


@dataclass(frozen=True)
class Case:
    """A recipe (by its name), the model in it, where its files come from, and what to say of the result.

    `asked_again`: a file that the finished model is evaluated on instead of a test split.
    """

    name: str
    model: str
    prepare: Prepare
    remark: str = ""
    asked_again: str = ""

    @property
    def recipe(self) -> Path:
        return (SHIPPED if self.prepare is sample else OWN) / f"{self.name}.toml"


CASES = (
    Case("cuad-clauses", MINILM, copied("cuad/clause_type.csv"), "3,954 clauses of 17 types"),
    Case(
        "policyqa",
        MINILM,
        copied("policyqa/dev.json", "policyqa/test.json"),
        "trained on the dev set; published for a BERT trained on four times the data: F1 0.553, exact match 0.276",
    ),
    Case(
        "policyqa-documents",
        MINILM,
        policy_documents,
        "the segments of a policy as one document, at most 40 questions about each",
    ),
    Case("xquad-en", MINILM, copied("xquad/xquad.en.json"), "split by article"),
    Case("xquad-zh", ZH_BERT, copied("xquad/xquad.zh.json"), "split by article"),
    Case(
        "xquad-en-overfit",
        MINILM,
        fifty_questions,
        "50 questions, trained and asked again: at least 0.95 exact match is the aim, and says nothing of new texts",
        asked_again="fifty.json",
    ),
    Case("rule-qa", SMOLLM, rule_questions, "loss in nats a token on held-out answers; smaller is better"),
    *(
        Case(name, model, sample, "the sample that ships: made up, and too small to judge a model by")
        for name, model in (
            ("qa", MINILM),
            ("qa-zh", ZH_BERT),
            ("legal-clauses", MINILM),
            ("contract-qa", MINILM),
            ("legal-qa", SMOLLM),
            ("t5-qa", T5),
            ("chat", SMOLLM),
        )
    ),
)

# -- one run ---------------------------------------------------------------------------------------------------------


def carried_out(case: Case, seed: int, data: Path, work: Path) -> dict[str, Any]:
    """Run the case's recipe with this seed. What `sftcore run --json` says, with what was asked again as `test`."""
    folder = work / case.name
    folder.mkdir(parents=True, exist_ok=True)
    case.prepare(data, folder)
    recipe = Path(shutil.copyfile(case.recipe, folder / case.recipe.name))
    name = json.dumps(f"{case.name}-seed-{seed}")
    run = sftcore("run", recipe, "--runs", work / "runs", "--set", f"seed={seed}", "--set", f"name={name}")
    if case.asked_again:
        run["metrics"]["test"] = sftcore("evaluate", run["run"], "--data", folder / case.asked_again)["scores"]
    return run


def sftcore(*arguments: object) -> dict[str, Any]:
    """What a command of sftcore says, as JSON. Raises CalledProcessError where it fails; its errors are shown."""
    command = [sys.executable, "-m", "sftcore", *map(str, arguments), "--json", "--quiet"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


# -- what the runs of a case say together ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A metric of a case over its runs. `gain` is the median run's value minus that of its hardest baseline."""

    metric: str
    values: tuple[float, ...]
    interval: tuple[float, float] | None
    baseline: str
    baseline_value: float | None
    gain: tuple[float, float | None, float | None] | None
    better: int
    compared: int


def lines_of(runs: Sequence[dict[str, Any]]) -> list[Line]:
    """A line for each metric that the task or the recipe names, and one for the loss of a task that generates."""
    tests = [run["metrics"]["test"] for run in runs]
    names = [name for name in tests[0]["greater_is_better"] if name in tests[0]["metrics"]]
    lines = [metric_line(name, tests) for name in names]
    return lines + ([loss_line(tests)] if tests[0].get("perplexity") is not None else [])


def metric_line(name: str, tests: Sequence[dict[str, Any]]) -> Line:
    """The metric's line; runs in which it has no value are left out."""
    sign = 1 if tests[0]["greater_is_better"][name] else -1
    tests = [test for test in tests if test["metrics"][name]["value"] is not None]
    values = [test["metrics"][name]["value"] for test in tests]
    if not values:
        return Line(name, (), None, "", None, None, 0, 0)
    test = tests[values.index(statistics.median_low(values))]
    own, hardest = test["metrics"][name], hardest_of(test, name, sign)
    gains = [test["baselines"][found]["differences"][name] for test in tests if (found := hardest_of(test, name, sign))]
    better = sum(gain["low"] is not None and min(sign * gain["low"], sign * gain["high"]) > 0 for gain in gains)
    baseline = test["baselines"][hardest] if hardest else None
    gain = baseline and baseline["differences"][name]
    return Line(
        name,
        tuple(values),
        None if own["low"] is None else (own["low"], own["high"]),
        hardest,
        baseline and baseline["metrics"][name]["value"],
        gain and (gain["value"], gain["low"], gain["high"]),
        better,
        len(gains),
    )


def hardest_of(test: dict[str, Any], name: str, sign: int) -> str:
    """The baseline that scores best by this metric, or "" where none has a value."""
    values = {
        baseline: sign * said["metrics"][name]["value"]
        for baseline, said in test.get("baselines", {}).items()
        if said["metrics"].get(name, {}).get("value") is not None
    }
    return max(values, key=lambda baseline: values[baseline], default="")


def loss_line(tests: Sequence[dict[str, Any]]) -> Line:
    """The loss on the test split, beside that of the base model before training."""
    pairs = [(test["loss"], test["baselines"].get("base", {}).get("details", {}).get("loss")) for test in tests]
    after, before = min(pairs, key=lambda pair: abs(pair[0] - statistics.median_low([loss for loss, _ in pairs])))
    gain = None if before is None else (after - before, None, None)
    losses = tuple(loss for loss, _ in pairs)
    better = sum(was is not None and loss < was for loss, was in pairs)
    return Line("loss", losses, None, "base", before, gain, better, sum(was is not None for _, was in pairs))


# -- the report ------------------------------------------------------------------------------------------------------

HEAD = (
    *("case", "model", "rows: train, test", "seconds (of CPU)"),
    *("metric", "median (range)", "95 % interval", "hardest baseline", "gain, paired", "above it"),
)


def cells(case: Case, runs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The rows of the table for one case."""
    rows = f"{encoded(runs[0], 'train'):,}, {runs[0]['metrics']['test']['rows']:,}"
    wall, cpu = (statistics.median(seconds_of(run, clock) for run in runs) for clock in ("wall", "cpu"))
    seconds = f"{wall:,.0f} ({cpu:,.0f})"
    found: list[list[str]] = []
    for line in lines_of(runs):
        first = [case.name, case.model, rows, seconds] if not found else [""] * 4
        found.append([*first, *shown(line)])
    return found


def shown(line: Line) -> list[str]:
    if not line.values:
        return [line.metric, "not defined", "", "", "", ""]
    spread = f" ({min(line.values):.3f} to {max(line.values):.3f})" if len(line.values) > 1 else ""
    baseline = "" if line.baseline_value is None else f"{line.baseline} {line.baseline_value:.3f}"
    return [
        line.metric,
        f"{statistics.median_low(line.values):.3f}{spread}",
        "{:.3f} to {:.3f}".format(*line.interval) if line.interval else "",
        baseline,
        gained(*line.gain) if line.gain else "",
        f"{line.better} of {line.compared}" if line.compared else "",
    ]


def gained(value: float, low: float | None, high: float | None) -> str:
    return f"{value:+.3f}" + ("" if low is None else f" ({low:+.3f} to {high:+.3f})")


def encoded(run: dict[str, Any], split: str) -> int:
    """The rows of a split that were encoded."""
    entries = run["ledger"]["stages"]
    return sum(entry["rows_out"] for entry in entries if entry["stage"] == f"encode {split}")


def seconds_of(run: dict[str, Any], clock: str) -> float:
    """What the clock "wall" or "cpu" says of all stages of a run, without the start of the process."""
    return sum(float(stage[f"{clock}_seconds"]) for stage in run["metrics"]["time"].values())


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    table = [HEAD, ["---"] * len(HEAD), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in table)


def machine(threads: object) -> str:
    """The processor, and the versions of what was measured."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    packages = ", ".join(f"{name} {version(name)}" for name in ("sftcore", "torch", "transformers", "datasets"))
    processor = next(names, platform.processor())
    return f"{processor}, {os.cpu_count()} cores, {threads} threads; Python {platform.python_version()}, {packages}"


def report(done: dict[str, list[dict[str, Any]]], arguments: argparse.Namespace) -> str:
    cases = [case for case in CASES if case.name in done]
    table = markdown(row for case in cases for row in cells(case, done[case.name]))
    threads = next(iter(done.values()))[0]["metrics"]["training"]["choices"]["threads"]
    remarks = "\n".join(f"- {case.name}: {case.remark}." for case in cases)
    command = f"python benchmarks/tasks.py --data DIR --seeds {arguments.seeds}"
    command += f" --only {shlex.join(arguments.only)}" if arguments.only else ""
    legend = (
        f"{arguments.seeds} seeds. Interval, baseline and gain are those of the run with the median value (of an even\n"
        "number the lower one); 'above it' counts the runs whose whole interval of the gain over their own hardest\n"
        "baseline is on the better side (of a loss, the runs that are better)."
    )
    return f"    $ {command}\n\n{machine(threads)}\n\n{table}\n\n{legend}\n\n{remarks}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with the data sets")
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], metavar="NAME", default=[])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="where files and runs are kept; default: a temporary folder")
    parser.add_argument("--out", type=Path, help="a Markdown file to write the report to")
    arguments = parser.parse_args()
    chosen = [case for case in CASES if not arguments.only or case.name in arguments.only]
    done: dict[str, list[dict[str, Any]]] = {}
    with TemporaryDirectory() if arguments.work is None else nullcontext(arguments.work) as work:
        for case in chosen:
            for seed in range(1, arguments.seeds + 1):
                print(f"{case.name}, seed {seed}", file=sys.stderr, flush=True)
                done.setdefault(case.name, []).append(carried_out(case, seed, arguments.data, Path(work)))
    text = report(done, arguments)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

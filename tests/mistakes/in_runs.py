"""Mistakes with finished runs: their names, their files, what they are asked for."""

from __future__ import annotations

from tests.mistakes.kit import LOCK, NO_HEADER, data, file, m, put, remove, run, table, unseal

RUNS = [
    run("misspelt run", "runs", "did you mean tiny?", command=("predict", "tinny", "--text", "x")),
    m(
        "no runs at all",
        "runs",
        "",
        ("there is no run tiny", "sftcore run RECIPE"),
        command=("predict", "tiny", "--text", "x"),
    ),
    run(
        "run that is not finished",
        "runs/tiny/0001",
        ("not finished", "sftcore run"),
        unseal,
        command=("predict", "tiny", "--text", "x"),
    ),
    run(
        "evaluation of an unfinished run",
        "runs/tiny/0001",
        "not finished",
        unseal,
        command=("evaluate", "tiny", "--data", "reviews.csv"),
    ),
    run("changed recipe", "runs/tiny/0001", ("recipe.train.max_steps\n  2 → 3", "--fresh"), unseal, put("= 2", "= 3")),
    run("changed data", "runs/tiny/0001", ("data.sha256", "undo the change"), unseal, data(table(61))),
    run("damaged lock.json", LOCK, ("is damaged", "--fresh"), unseal, file(LOCK, "{ oops")),
    run(
        "damaged lock.json at predict", LOCK, "is damaged", file(LOCK, "[]"), command=("predict", "tiny", "--text", "x")
    ),
    run(
        "damaged weights of a run",
        "runs/tiny/0001/model",
        ("can't be loaded", "sftcore verify"),
        file("runs/tiny/0001/model/model.safetensors", NO_HEADER),
        command=("predict", "tiny", "--text", "x"),
    ),
    run(
        "missing task state",
        "runs/tiny/0001/model/task_state.json",
        "is missing",
        remove("runs/tiny/0001/model/task_state.json"),
        command=("predict", "tiny", "--text", "x"),
    ),
    run(
        "changed file",
        "runs/tiny/0001/metrics.json",
        "has changed since the run was sealed",
        file("runs/tiny/0001/metrics.json", "{}"),
        command=("verify", "tiny"),
    ),
    m(
        "file in place of the folder of runs",
        "runs/tiny",
        "",
        ("can't be written: not a directory", "name another"),
        file("runs", "x"),
    ),
    run(
        "file to predict lacks the column",
        "p.csv row 1  text",
        ("text is missing", "sentence"),
        file("p.csv", "sentence,x\ngood,1\n"),
        command=("predict", "tiny", "p.csv"),
    ),
    run("file to predict is not there", "p.csv", "p.csv does not exist", command=("predict", "tiny", "p.csv")),
    run(
        "number for a text",
        "--row row 1  text",
        ("found: 3", "a text was expected"),
        command=("predict", "tiny", "--row", '{"text": 3}'),
    ),
    run("row that is no JSON", "--row", "no valid JSON", command=("predict", "tiny", "--row", "{text: 3}")),
    run("nothing to predict", "sftcore predict", "one of FILE, --text and --row", command=("predict", "tiny")),
    run(
        "output of unknown kind",
        "--out",
        ".jsonl, .csv, .parquet",
        command=("predict", "tiny", "--text", "x", "--out", "p.xlsx"),
    ),
    run(
        "output in no folder",
        "--out",
        "there is no folder no/such",
        command=("predict", "tiny", "--text", "x", "--out", "no/such/p.csv"),
    ),
    run(
        "unknown label",
        "e.csv row 2",
        ("'Positive'", "the model knows negative, neutral, positive"),
        file("e.csv", "text,label\nbad,negative\ngood,Positive\n"),
        command=("evaluate", "tiny", "--data", "e.csv"),
    ),
    run(
        "evaluation without labels",
        "e.csv",
        "no column 'label'",
        file("e.csv", "text\ngood\n"),
        command=("evaluate", "tiny", "--data", "e.csv"),
    ),
    run("evaluation of nothing", "sftcore evaluate  --data", "missing option", command=("evaluate", "tiny")),
]

"""The application: what it answers, and what it refuses."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sftcore.builtin.text_classification import TextClassificationState
from sftcore.builtin.token_classification import TokenClassificationState
from sftcore.errors import DataError, Problem
from sftcore.records import Prediction
from sftcore.trying.answering import Trial
from sftcore.trying.app import BATCH, LARGEST_BODY, application
from tests.trying.conftest import mood, trial_of

CONTEXT = "Potters 🏺 use blue clay. It is dug in March."


def client_of(trial: Trial, **options: Any) -> TestClient:
    return TestClient(application(trial, **options), base_url="http://127.0.0.1:8765")


@pytest.fixture
def client(mood_trial: Trial) -> Iterator[TestClient]:
    with client_of(mood_trial) as client:
        yield client


def plain(html: str) -> str:
    """The text of a fragment, tags gone."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def test_the_page_is_one_file_that_asks_its_own_server_alone(client: TestClient) -> None:
    reply = client.get("/")
    assert reply.status_code == 200
    assert "connect-src &#39;self&#39;" in reply.text
    assert "default-src &#39;none&#39;" in reply.text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", reply.text)
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in reply.headers
    assert '<textarea id="field-text" data-role="text"' in reply.text


def test_a_prediction_with_its_scores_and_what_preprocessing_changed(client: TestClient) -> None:
    reply = client.post("/answer", json={"row": {"text": "A GOOD <script>alert(1)</script> phone"}})
    assert reply.status_code == 200
    assert "<script>" not in reply.text
    assert "&lt;script&gt;" in reply.text
    said = plain(reply.text)
    assert "positive" in said
    assert "0.793" in said, "0.9 / (1 + exp(-2))"
    assert [float(number) for number in re.findall(r"width:([\d.]+)%", reply.text)] == [79.3, 10.7, 10.0]
    assert "<del>A GOOD</del><ins>a good</ins>" in reply.text
    assert "data-explains" in reply.text


def test_the_words_that_mattered(client: TestClient) -> None:
    reply = client.post("/words", json={"row": {"text": "a great phone, bad box"}})
    assert reply.status_code == 200
    marked = re.findall(r'<span class="(\w+)" style="--strength:(\d+)%">(\w+)</span>', reply.text)
    assert marked[:2] == [("for", "100", "great"), ("against", "36", "bad")], "after them comes the legend"
    table = re.findall(r'<th scope="row" dir="auto">(\w+)</th><td class="number">([^<]+)<', reply.text)
    assert table == [("great", "+0.551"), ("bad", "−0.199")], "0.9 s(1) - 0.9 s(-2), and - 0.9 s(3)"
    assert "occlusion" in reply.text
    assert "Zeiler" in reply.text


def test_words_are_left_out_a_batch_at_a_time(mood_trial: Trial) -> None:
    with client_of(mood_trial) as client:
        assert client.post("/words", json={"row": {"text": "good " * 500}}).status_code == 200
    asked = mood_trial.model.asked  # type: ignore[attr-defined]  # the fake has it
    assert {len(rows) for rows in asked} <= {BATCH, 101 % BATCH}
    assert sum(map(len, asked)) == 101, "the whole text, and 500 words by fives"


def test_words_that_change_nothing_are_not_marked(client: TestClient) -> None:
    reply = client.post("/words", json={"row": {"text": "the box is blue"}})
    assert "No word changes the score by 0.01 or more" in reply.text
    assert "--strength" not in reply.text


def test_chinese_is_weighed_by_character_and_told_in_chinese() -> None:
    labels = TextClassificationState(labels=("差评", "中评", "好评"))

    def chinese(row: Mapping[str, Any]) -> Prediction:
        found = mood(row)
        return Prediction({"negative": "差评", "positive": "好评"}[found.value], found.score, found.scores)

    with client_of(trial_of(chinese, {"use": "text-classification"}, state=labels, language="zh")) as client:
        assert '<html lang="zh-Hans">' in client.get("/").text
        assert "置信度 0.793" in client.post("/answer", json={"row": {"text": "很好吃"}}).text
        words = client.post("/words", json={"row": {"text": "很好吃"}}).text
    assert '<span class="for" style="--strength:100%">好</span>' in words
    assert "遮挡法" in words


def test_an_answer_is_marked_in_the_context() -> None:
    start = CONTEXT.index("blue clay")

    def answer(row: Mapping[str, Any]) -> Prediction:
        if "colour" in row["question"]:
            return Prediction("", 0.9, extra={"start": None, "end": None, "n_best": [], "no_answer": 0.9})
        place = {"start": start, "end": start + 9}
        best = {"text": "blue clay", "score": 0.7, **place}
        return Prediction("blue clay", 0.7, extra={**place, "n_best": [best], "no_answer": 0.2, "windows": 2})

    with client_of(trial_of(answer, {"use": "extractive-qa"})) as client:
        found = client.post("/answer", json={"row": {"question": "What clay?", "context": CONTEXT}}).text
        none = client.post("/answer", json={"row": {"question": "What colour?", "context": CONTEXT}}).text
        assert client.post("/words", json={"row": {"question": "x", "context": "y"}}).status_code == 404
    assert 'Potters 🏺 use <mark class="mark-said">blue clay</mark>. It is dug in March.' in found
    assert re.findall(r"width:([\d.]+)%", found) == ["70.0", "20.0"]
    assert "windows" in plain(found)
    assert "data-explains" not in found
    assert "no answer" in plain(none)
    assert "<mark" not in none


def test_entities_are_marked_with_their_labels() -> None:
    entity = {"start": 0, "end": 7, "label": "WHO", "text": "Potters"}

    def entities(row: Mapping[str, Any]) -> Prediction:
        return Prediction([entity] if row["text"].startswith("Potters") else [], 0.8)

    state = TokenClassificationState(labels=("WHO", "WHEN"))
    with client_of(trial_of(entities, {"use": "token-classification"}, state=state)) as client:
        found = client.post("/answer", json={"row": {"text": CONTEXT}}).text
        none = client.post("/answer", json={"row": {"text": "Nobody"}}).text
    assert '<mark class="mark-said">Potters <small>WHO</small></mark> 🏺 use' in found
    assert "1 entity" in plain(found)
    assert "0 entities" in plain(none)


def test_a_conversation_goes_on() -> None:
    def reply(row: Mapping[str, Any]) -> Prediction:
        return Prediction(f"You said {row.get('prompt') or row['messages'][-1]['content']}", 0.5)

    with client_of(trial_of(reply, {"use": "causal-lm"})) as client:
        page = client.get("/").text
        turns = [{"role": "user", "content": "Hi"}]
        first = client.post("/answer", json={"row": {"messages": turns}}).text
        turns += [{"role": "assistant", "content": "You said Hi"}, {"role": "user", "content": '"Why" & how?'}]
        second = client.post("/answer", json={"row": {"messages": turns}}).text
    assert 'data-form="turns"' in page
    assert 'data-answered="You said Hi"' in first
    assert "You said &#34;Why&#34; &amp; how?" in second


def test_a_row_that_can_not_be_predicted_says_why(client: TestClient) -> None:
    reply = client.post("/answer", json={"row": {"text": " "}})
    assert reply.status_code == 200
    assert "nothing left of the text" in plain(reply.text)
    assert "data-explains" not in reply.text


@pytest.mark.parametrize("path", ["/answer", "/words"])
def test_an_error_is_a_sentence_and_never_a_traceback(path: str) -> None:
    def fails(row: Mapping[str, Any]) -> Prediction:
        if row["text"] == "mend me":
            raise DataError(Problem("the text is too odd", key="text", advice="write another"))
        if row["text"] == "too much":
            raise MemoryError
        raise KeyError(f"secret {row['text']}")

    told: list[str] = []
    state = TextClassificationState(labels=("a", "b"))
    with client_of(trial_of(fails, {"use": "text-classification"}, state=state), warn=told.append) as client:
        ours = client.post(path, json={"row": {"text": "mend me"}})
        memory = client.post(path, json={"row": {"text": "too much"}})
        bug = client.post(path, json={"row": {"text": "tulips"}})
    assert ours.status_code == 422
    assert "text the text is too odd" in plain(ours.text)
    assert "write another" in plain(ours.text)
    assert memory.status_code == bug.status_code == 500
    assert "Out of memory" in memory.text
    assert "KeyError" in bug.text
    assert "tulips" not in bug.text
    assert "Traceback" not in bug.text
    assert told == ["the model failed: MemoryError", "the model failed: KeyError"]


JSON = {"content-type": "application/json"}
GOOD = json.dumps({"row": {"text": "good"}}).encode()
HOSTILE: dict[str, tuple[dict[str, str], bytes, int]] = {
    "a name that was made to lead here": (JSON | {"host": "evil.example:8765"}, GOOD, 400),
    "a name that begins like ours": (JSON | {"host": "127.0.0.1.evil.example"}, GOOD, 400),
    "no host": (JSON | {"host": ""}, GOOD, 400),
    "another site's script": (JSON | {"origin": "https://evil.example"}, GOOD, 403),
    "a page without an origin": (JSON | {"origin": "null"}, GOOD, 403),
    "another program's page on this computer": (JSON | {"origin": "http://127.0.0.1:9999"}, GOOD, 403),
    "a request across sites": (JSON | {"sec-fetch-site": "cross-site"}, GOOD, 403),
    "a form of another site": ({"content-type": "application/x-www-form-urlencoded"}, b"row=x", 415),
    "a form that writes JSON": ({"content-type": "text/plain"}, GOOD, 415),
    "a type that only looks like JSON": ({"content-type": "text/plain; x=application/json"}, GOOD, 415),
    "no type": ({}, GOOD, 415),
    "too much": (JSON, b'{"row": {"text": "' + b"x" * LARGEST_BODY + b'"}}', 413),
    "no JSON": (JSON, b"{", 400),
    "not UTF-8": (JSON, b'{"row": "\xff\xfe\x00"}', 400),
    "endless brackets": (JSON, b"[" * 100_000, 400),
    "no object": (JSON, b"[1]", 400),
    "more than a row": (JSON, b'{"row": {}, "run": "../../etc"}', 400),
    "no row by role": (JSON, b'{"row": ["good"]}', 422),
    "a role that is none": (JSON, b'{"row": {"__class__": "x"}}', 422),
}


@pytest.mark.parametrize("path", ["/answer", "/words"])
@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_what_does_not_come_from_the_page_is_refused(
    case: tuple[dict[str, str], bytes, int], path: str, mood_trial: Trial
) -> None:
    headers, body, expected = case
    with client_of(mood_trial) as client:
        reply = client.post(path, headers=headers, content=body)
    assert reply.status_code == expected
    assert not mood_trial.model.asked  # type: ignore[attr-defined]  # the fake has it
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "Traceback" not in reply.text


def test_a_body_that_comes_in_pieces_is_counted(mood_trial: Trial) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(1 + LARGEST_BODY // 65536):
            yield b" " * 65536

    with client_of(mood_trial) as client:
        assert client.post("/answer", headers=JSON, content=pieces()).status_code == 413


def test_our_own_page_may_ask(client: TestClient) -> None:
    headers = JSON | {"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-origin"}
    assert client.post("/answer", headers=headers, content=GOOD).status_code == 200
    local = {
        "host": "localhost:8765",
        "origin": "http://localhost:8765",
        "content-type": "application/json; charset=utf-8",
    }
    assert client.post("/answer", headers=local, content=GOOD).status_code == 200


def test_nothing_else_is_there(client: TestClient) -> None:
    assert client.get("/answer").status_code == 405
    assert client.options("/answer", headers={"origin": "https://evil.example"}).status_code == 405
    for path in ("/../lock.json", "/%2e%2e/lock.json", "/model", "/static/x", "/docs"):
        assert client.get(path).status_code == 404


def test_one_prediction_at_a_time() -> None:
    at_once, most = 0, 0
    guard = threading.Lock()

    def slow(row: Mapping[str, Any]) -> Prediction:
        nonlocal at_once, most
        with guard:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        with guard:
            at_once -= 1
        return mood(row)

    state = TextClassificationState(labels=("negative", "neutral", "positive"))
    with (
        client_of(trial_of(slow, {"use": "text-classification"}, state=state)) as client,
        ThreadPoolExecutor(6) as pool,
    ):
        replies = list(
            pool.map(lambda number: client.post("/answer", json={"row": {"text": f"good {number}"}}), range(6))
        )
    assert [reply.status_code for reply in replies] == [200] * 6
    assert most == 1


def test_what_is_typed_is_neither_stored_nor_logged(
    client: TestClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG, "sftcore")
    caplog.set_level(logging.DEBUG, "uvicorn")
    client.post("/answer", json={"row": {"text": "good tulips"}})
    client.post("/words", json={"row": {"text": "good tulips"}})
    client.post("/answer", content=b"tulips", headers=JSON)
    assert "tulips" not in "".join(capfd.readouterr())
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert "tulips" not in "".join(record.getMessage() for record in ours)
    assert not list(tmp_path.iterdir())

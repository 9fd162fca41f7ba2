"""The page in a browser: one types, and sees and hears what the model says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import uvicorn

from sftcore.records import Prediction
from sftcore.trying.answering import Trial
from sftcore.trying.app import application
from sftcore.trying.server import configuration, listening
from tests.browser import Browser, browser
from tests.trying.conftest import trial_of

pytestmark = pytest.mark.browser
SHOWN = {"state": "visible", "timeout": 20_000}


@contextmanager
def served(trial: Trial) -> Iterator[str]:
    """The page's address; the server runs beside."""
    with listening(0) as taken:
        server = uvicorn.Server(configuration(application(trial)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{taken.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opener:
        yield opener


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_text_is_typed_and_its_words_are_shown(width: int, scheme: str, mood_trial: Trial, chromium: Browser) -> None:
    with served(mood_trial) as url, chromium.open(url, width, scheme) as opened:
        page = opened.page
        assert opened.axe() == []
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type("A GREAT <img src=x onerror=alert(1)> phone & a bad box")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#words table", **SHOWN)
        page.wait_for_function("document.getElementById('words').ariaBusy === 'false'")
        assert page.inner_text(".said") == "positive"
        assert page.inner_text(".weighed .for >> nth=0") == "GREAT"
        assert page.inner_text("#told") == "positive, confidence 0.658. The words that mattered are shown."
        assert page.get_attribute("#told", "aria-live") == "polite"
        assert page.query_selector("#answer img") is None, "what is typed is text"
        assert opened.axe() == []
        assert opened.overflow() == 0
        assert opened.errors == []
        assert opened.requests == [f"{url}answer", f"{url}words"]


def test_an_empty_field_is_pointed_at(mood_trial: Trial, chromium: Browser) -> None:
    with served(mood_trial) as url, chromium.open(url) as opened:
        opened.page.click("button[type=submit]")
        assert opened.page.inner_text("#told") == "This field is empty."
        assert opened.page.evaluate("document.activeElement.id") == "field-text"
        assert opened.requests == []


def test_a_conversation_goes_on_by_keyboard(chromium: Browser) -> None:
    def reply(row: Mapping[str, object]) -> Prediction:
        turns = row.get("messages")
        return Prediction(f"Answer {len(turns) if isinstance(turns, list) else 1}", 0.5)

    with served(trial_of(reply, {"use": "causal-lm"})) as url, chromium.open(url, 390) as opened:
        page = opened.page
        page.fill(".turn textarea", "Hello")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".turn >> nth=2", **SHOWN)
        assert page.input_value(".turn >> nth=1 >> textarea") == "Answer 1"
        page.keyboard.type("And then?")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".turn >> nth=4", **SHOWN)
        assert page.inner_text(".said") == "Answer 3"
        assert opened.axe() == []
        assert opened.overflow() == 0
        assert opened.errors == []


def test_a_server_that_has_gone_is_told(mood_trial: Trial, chromium: Browser) -> None:
    with served(mood_trial) as url:
        context = chromium.open(url)
        opened = context.__enter__()
    try:
        opened.page.fill("#field-text", "good")
        opened.page.click("button[type=submit]")
        opened.page.wait_for_function("document.getElementById('told').textContent.includes('does not answer')")
    finally:
        context.__exit__(None, None, None)

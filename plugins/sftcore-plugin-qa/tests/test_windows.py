from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sftcore import DataError, ModelError, RecipeError
from sftcore_plugin_qa.features import Limits, windows_of
from sftcore_plugin_qa.windows import Frame, Room, Window, backend_of

FACTS = "The American Football Conference champion Denver Broncos defeated the Carolina Panthers 24–10."
MIXED = "北京是中华人民共和国的首都，位于华北平原的北部。 Naïve café 🙂 costs €5.30 – ﬁne; l'été à São Paulo."
LONG = f"{FACTS} {MIXED} {FACTS}"
LETTERS = st.text("ab cdé🙂北京是的。，\n1.", min_size=1, max_size=120).filter(lambda text: text.strip())


def limits(feature: int = 40, question: int = 16, stride: int | None = 5) -> Limits:
    return Limits(feature, question, stride, 30)


def of_the_tokenizer(tokenizer: Any, question: str, context: str, length: int, stride: int) -> Any:
    return tokenizer(
        question,
        context,
        truncation="only_second",
        max_length=length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
    )


def assert_same(tokenizer: Any, question: str, context: str, length: int, stride: int) -> None:
    encoded = windows_of([{"question": question, "context": context}], tokenizer, limits(length, 64, stride))
    expected = of_the_tokenizer(tokenizer, question, context, length, stride)
    assert [ids.tolist() for ids in encoded.columns["input_ids"]] == expected["input_ids"]
    if "token_type_ids" in tokenizer.model_input_names:
        assert [ids.tolist() for ids in encoded.columns["token_type_ids"]] == expected["token_type_ids"]
    for place, window in enumerate(encoded.info or ()):
        sides, offsets = expected.sequence_ids(place), expected["offset_mapping"][place]
        context_tokens = [position for position, side in enumerate(sides) if side == 1]
        assert list(range(window.first, window.first + len(window.offsets))) == context_tokens
        assert window.offsets.tolist() == [list(offsets[position]) for position in context_tokens]
        assert window.null == 0


@pytest.mark.parametrize("question", ["Who won?", "北京是谁的首都？"])
@pytest.mark.parametrize("context", [LONG, FACTS * 4, "谁？" * 40, "short"])
def test_windows_are_those_of_the_tokenizer(tokenizer: Any, question: str, context: str) -> None:
    for length, stride in ((48, 0), (48, 7), (64, 16), (512, 100)):
        assert_same(tokenizer, question, context, length, stride)


@settings(max_examples=60, deadline=None)
@given(
    question=LETTERS.map(lambda text: text[:12].strip() or "a"),
    context=LETTERS,
    kind=st.sampled_from(("wordpiece", "bytes", "metaspace")),
)
def test_windows_of_any_text_are_those_of_the_tokenizer(
    tokenizers: dict[str, Any], question: str, context: str, kind: str
) -> None:
    tokenizer = tokenizers[kind]
    if not all(backend_of(tokenizer).encode(text, add_special_tokens=False).ids for text in (question, context)):
        return
    assert_same(tokenizer, question, context, 80, 6)


@settings(max_examples=200, deadline=None)
@given(st.integers(4, 60), st.integers(0, 200), st.integers(0, 59))
def test_windows_cover_the_context_and_share_what_they_should(room: int, context: int, stride: int) -> None:
    if stride >= room:
        return
    windows = Room(room, 1, stride).windows(0, context)
    assert windows[0][0] == 0
    assert windows[-1][1] == context
    assert all(end - start == room for start, end in windows[:-1])
    assert all(before[1] - after[0] == stride for before, after in pairwise(windows))
    assert all(0 < end - start <= room for start, end in windows) or windows == [(0, 0)]


def test_without_a_stride_windows_share_128_tokens_or_half_of_the_room() -> None:
    assert Room(384, 64, None).windows(20, 1000)[:2] == [(0, 364), (236, 600)]
    assert Room(60, 30, None).windows(20, 1000)[:2] == [(0, 40), (20, 60)]


def test_a_stride_without_a_step_is_refused_with_its_key(wordpiece: Any) -> None:
    with pytest.raises(RecipeError, match="share 30 tokens") as caught:
        windows_of([{"question": "a", "context": "b"}], wordpiece, limits(45, 12, 30))
    assert caught.value.problems[0].key == "task.stride"
    assert len(windows_of([{"question": "a", "context": "b"}], wordpiece, limits(45, 12, 29)).info or ()) == 1


def test_a_feature_without_room_is_refused(wordpiece: Any) -> None:
    with pytest.raises(RecipeError, match="no room") as caught:
        windows_of([{"question": "a", "context": "b"}], wordpiece, limits(5, 12, None))
    assert caught.value.problems[0].key == "model.max_length"


def test_long_questions_are_cut_and_counted(wordpiece: Any) -> None:
    rows = [{"question": "who " * number, "context": "The Broncos won."} for number in (3, 40)]
    encoded = windows_of(rows, wordpiece, limits(40, 10, 2))
    assert encoded.lost_tokens == [0, 30]
    (long,) = [window for window, parent in zip(encoded.info or (), encoded.parents or (), strict=True) if parent == 1]
    assert long.first == 1 + 10 + 1
    halved = windows_of(rows, wordpiece, limits(15, 64, 0))
    assert halved.lost_tokens == [0, 34]


def test_a_text_is_tokenised_once_however_many_questions_are_about_it(wordpiece: Any, monkeypatch: Any) -> None:
    rows = [{"question": f"Who {number}?", "context": FACTS} for number in range(5)]
    encoded = windows_of(rows, wordpiece, limits(128))
    windows: list[Window] = list(encoded.info or ())
    assert all(window.offsets.base is windows[0].offsets.base for window in windows)


def test_slow_tokenizers_are_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ModelError, match="fast tokenizer"):
        backend_of(Slow())  # type: ignore[arg-type]


def test_a_tokenizer_that_reads_nothing_is_refused(wordpiece: Any) -> None:
    with pytest.raises(DataError, match="reads nothing"):
        windows_of([{"question": "\u200b", "context": "\u200b\u200b"}], wordpiece, limits())


def test_a_context_of_which_nothing_is_read_has_one_empty_window(wordpiece: Any) -> None:
    rows = [{"question": "Who?", "context": "He."}, {"question": "Who?", "context": "\u200b"}]
    encoded = windows_of(rows, wordpiece, limits())
    assert [len(window.offsets) for window in encoded.info or ()] == [3, 0]


def test_no_answer_is_read_at_cls_wherever_it_stands(tokenizers: dict[str, Any]) -> None:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    backend = backend_of(tokenizers["metaspace"])
    behind = PreTrainedTokenizerFast(tokenizer_object=backend, cls_token="[CLS]", sep_token="[SEP]")
    ids = [(name, behind.convert_tokens_to_ids(name)) for name in ("[CLS]", "[SEP]")]
    post = processors.TemplateProcessing("$A [SEP] [CLS]", "$A [SEP] $B:1 [SEP]:1 [CLS]:2", ids)
    backend_of(behind).post_processor = post
    encoded = windows_of([{"question": "Who won?", "context": FACTS}], behind, limits(30, 16, 4))
    nulls = [
        int(ids[window.null]) for ids, window in zip(encoded.columns["input_ids"], encoded.info or (), strict=True)
    ]
    assert len(nulls) > 2
    assert set(nulls) == {behind.cls_token_id}
    frame = Frame.of(behind, "a", "b")
    assert frame.type_ids(1, 2)[-1] == 2


def test_without_cls_no_answer_is_read_at_the_first_token(tokenizers: dict[str, Any]) -> None:
    from transformers import PreTrainedTokenizerFast

    plain = PreTrainedTokenizerFast(tokenizer_object=backend_of(tokenizers["bytes"]), eos_token="[SEP]")
    encoded = windows_of([{"question": "Who won?", "context": FACTS}], plain, limits(64))
    assert {window.null for window in encoded.info or ()} == {0}


def test_offsets_count_code_points(tokenizer: Any) -> None:
    context = "🙂🙂 曹雪芹 wrote 《红楼梦》。"
    encoded = windows_of([{"question": "Who?", "context": context}], tokenizer, limits(128))
    (window,) = encoded.info or ()
    assert window.offsets.max() == len(context)
    start = context.index("曹雪芹")
    covered = [(low, high) for low, high in window.offsets.tolist() if high > start and low < start + 3]
    assert (covered[0][0], covered[-1][1]) in ((start, start + 3), (start - 1, start + 3))
    assert np.all(np.diff(window.offsets[:, 0]) >= 0)
    assert np.all(np.diff(window.offsets[:, 1]) >= 0)

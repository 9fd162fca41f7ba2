"""Metrics of written answers against one or more references.

What a metric works out for a row is kept, for the bootstrap scores the same rows a thousand times over.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from sftcore import Metric, PredictionKind, Records
from sftcore.builtin.answers import exact_match, token_f1
from sftcore.builtin.counting import NAN, Floats

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.chrf import CHRF

GENERATION = "sftcore[generation]"
"""What pip installs for the metrics whose libraries the core does without."""
_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_MOST_KEPT = 1 << 20
"""Rows kept at most; with more, everything is worked out anew."""


class RowValues:
    """Numbers that belong to a row, worked out once for each pair of prediction and reference."""

    def __init__(self, work_out: Callable[[Any, Any], Sequence[float]]) -> None:
        self._work_out = work_out
        self._places: dict[tuple[Any, Any], int] = {}
        self._known: list[Sequence[float]] = []
        self._table = np.zeros((0, 0))

    def of(self, predictions: Iterable[Any], references: Iterable[Any]) -> Floats:
        """The numbers of each row, (n, m); (0, m) or (0, 0) without rows."""
        if len(self._known) > _MOST_KEPT:
            self._places, self._known, self._table = {}, [], np.zeros((0, 0))
        rows = list(zip(predictions, references, strict=True))
        try:
            places = [self._places[row] for row in rows]
        except (KeyError, TypeError):  # a row that is new, or lists in place of tuples (from JSON)
            places = [self._place(_hashable(row)) for row in rows]
        if len(self._table) < len(self._known):
            self._table = np.array(self._known, np.float64)
        return self._table[np.array(places, np.int64)]

    def _place(self, row: tuple[Any, Any]) -> int:
        place = self._places.get(row)
        if place is None:
            place = self._places[row] = len(self._known)
            self._known.append(self._work_out(*row))
        return place


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value


class TextMetric(Metric):
    """Base of metrics that give each text numbers of its own and put those of all rows together.

    Subclasses write `row_values`; the mean of its first number is the metric's value. `suffixes` names the others:
    `("", ".1")` gives `name` and `name.1`. A row that could not be predicted (None) is an empty text.
    """

    understands: ClassVar[tuple[PredictionKind, ...]] = ("texts",)
    suffixes: ClassVar[tuple[str, ...]] = ("",)

    @abstractmethod
    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """The numbers of one row, as many for each row; `()` and `("",)` stand for: there is no answer."""

    def put_together(self, values: Floats) -> Sequence[float]:
        """A value for each of `suffixes` from the numbers of n ≥ 1 rows, (n, m). Default: the means."""
        means: list[float] = values.mean(0).tolist()
        return means

    def score(self, records: Records) -> dict[str, float]:
        """The values under the metric's name and its suffixes; NaN without rows."""
        names = [self.name + suffix for suffix in self.suffixes]
        values = self.kept_values.of(records.predictions, records.references)
        return dict(zip(names, self.put_together(values) if len(values) else [NAN] * len(names), strict=True))

    @cached_property
    def kept_values(self) -> RowValues:
        """The numbers of the rows seen so far."""
        return RowValues(lambda prediction, references: self.row_values(prediction or "", references))


class ExactMatch(TextMetric, name="exact-match"):
    """Share of rows whose text is one of the references.

    As SQuAD compares them (Rajpurkar et al. 2016): without regard to case, ASCII punctuation, English articles and
    white space. Of several references the best one counts; where there is no answer, an empty prediction is right. NaN
    without rows.
    """

    normalize: bool = True
    """false: texts are compared as they are, but for white space at their ends."""

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """1 or 0."""
        if self.normalize:
            return (exact_match(prediction, references),)
        return (float(prediction.strip() in {reference.strip() for reference in references or ("",)}),)


class TokenF1(TextMetric, name="token-f1"):
    """Share of the words that prediction and reference have in common.

    The mean of their F1, as in SQuAD (Rajpurkar et al. 2016). Words are what stands between blanks once case, ASCII
    punctuation and English articles are taken away, so it says little of Chinese, which is written without blanks. Of
    several references the best one counts; where there is no answer, an empty prediction scores 1 and any other 0. NaN
    without rows.
    """

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """The F1 against the best reference."""
        return (token_f1(prediction, references),)


class _Words:
    """A tokenizer for rouge-score: words in lower case, and each Chinese or Japanese character by itself."""

    def __init__(self, stem: Callable[[str], str] | None) -> None:
        self._stem = stem

    def tokenize(self, text: str) -> list[str]:
        words = _WORD.findall(text.lower())
        if self._stem is None:
            return words
        return [self._stem(word) if len(word) > 3 and word.isascii() else word for word in words]


class Rouge(TextMetric, name="rouge"):
    """Share of the words, in their order, that prediction and reference have in common.

    The mean F1 of ROUGE-L (longest common subsequence of words), with ROUGE-1 and ROUGE-2 (Lin 2004). By the library
    rouge-score, with words of any script in lower case; each Chinese character and each kana is a word. Of several
    references the best one counts, for each kind by itself. Where there is no answer, a prediction without words scores
    1. NaN without rows.
    """

    needs_packages: ClassVar[Mapping[str, str]] = {"rouge_score": GENERATION}
    suffixes: ClassVar[tuple[str, ...]] = ("", ".1", ".2")
    use_stemmer: bool = False
    """Compare English words by their stems (Porter), as is usual for summaries."""

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """The F1 of ROUGE-L, ROUGE-1 and ROUGE-2."""
        answers = [reference for reference in references if _WORD.search(reference)]
        if not answers:
            return (float(not _WORD.search(prediction)),) * 3
        found = self.scorer.score_multi(answers, prediction)
        return tuple(found[kind].fmeasure for kind in ("rougeL", "rouge1", "rouge2"))

    @cached_property
    def scorer(self) -> RougeScorer:
        """rouge-score's scorer of the three kinds."""
        from rouge_score.rouge_scorer import RougeScorer

        stem = None
        if self.use_stemmer:
            from nltk.stem.porter import PorterStemmer

            stem = PorterStemmer().stem
        return RougeScorer(["rougeL", "rouge1", "rouge2"], tokenizer=_Words(stem))


class Chrf(TextMetric, name="chrf"):
    """Share of short runs of characters that prediction and reference have in common.

    chrF of the whole corpus (Popović 2015), the F-score of character n-grams, from 0 to 1 (sacrebleu says 0 to 100). By
    the library sacrebleu. N-grams of all rows are counted together, against the best reference of each row, so long
    texts weigh more than short ones; it reads any script. A row without an answer counts for nothing. 0 where nothing
    agrees; NaN where no row has an answer.
    """

    needs_packages: ClassVar[Mapping[str, str]] = {"sacrebleu": GENERATION}
    char_order: int = Field(default=6, ge=1, le=10)
    """The longest n-grams of characters that count."""
    word_order: int = Field(default=0, ge=0, le=4)
    """The longest n-grams of words that count as well; 2 makes it chrF++."""
    beta: int = Field(default=2, ge=1, le=10)
    """How many times as much recall weighs as precision."""

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """Of each order, the n-grams of the prediction, those of the best reference, and those that they share."""
        # The counts of a row, which sacrebleu itself resamples; its public methods give only finished scores.
        (counts,) = self.scorer._extract_corpus_statistics([prediction], [[one] for one in references or ("",)])
        return tuple(counts)

    def put_together(self, values: Floats) -> Sequence[float]:
        """The score of the counts of all rows."""
        counts = values.sum(0).astype(np.int64).tolist()
        if not any(counts[1::3]):
            return (NAN,)
        return (self.scorer._compute_score_from_stats(counts).score / 100,)

    @cached_property
    def scorer(self) -> CHRF:
        """sacrebleu's metric with these settings."""
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(char_order=self.char_order, word_order=self.word_order, beta=self.beta)


COMPONENTS: tuple[type[Metric], ...] = (ExactMatch, TokenF1, Rouge, Chrf)
"""The metrics of texts that the core offers."""

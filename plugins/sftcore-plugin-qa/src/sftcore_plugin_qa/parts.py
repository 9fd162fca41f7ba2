"""By what questions are told apart, so that each part is scored by itself: wording, length of the answer, windows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sftcore_plugin_qa.segments import CHARACTERS, segments

OTHER, OTHER_ZH = "other", "其他"

_HAN = re.compile(rf"[{CHARACTERS}]")
_ENGLISH = (
    ("how many", r"how (?:many|much|often|long|old|far|tall|big|large|high)"),
    ("who", r"who(?:m|se)?|who's"),
    ("when", r"when|(?:what|which) (?:year|day|date|month|time|century|decade)"),
    ("where", r"where"),
    ("why", r"why|what for|for what reason"),
    ("which", r"which"),
    ("what", r"what|what's"),
    ("how", r"how"),
)
"""What is asked for, by the question word; where several are in a question, the first one counts."""
_YES_NO = r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must)(?:n't)?"
_ENGLISH_WORD = re.compile(
    "|".join(rf"(?P<p{place}>\b(?:{words})\b)" for place, (_, words) in enumerate(_ENGLISH)), re.IGNORECASE
)
_ENGLISH_YES_NO = re.compile(rf"\W*{_YES_NO}\b", re.IGNORECASE)
_CHINESE = (
    ("谁", "谁|何人|哪位|哪个人|什么人"),
    ("何时", "什么时候|什么时间|何时|几时|哪一?年|哪一?天|哪一?月|几年|几月|几号|几点|何年"),
    ("何地", "哪里|哪儿|何处|何地|在哪|什么地方|哪个?国家?|哪个?城市|哪个?省"),
    ("为什么", "为什么|为何|为啥|什么原因|何故"),
    ("多少", "多少|几[个名人次种条位座]|多[大长高远久重宽]|第几"),
    ("怎样", "怎么样?|怎样|如何"),
    ("哪个", "哪"),
    ("是否", "是否|是不是|有没有|能否|可否|吗"),
    ("什么", "什么|何|啥"),
)
_CHINESE_WORD = re.compile("|".join(f"(?P<p{place}>{words})" for place, (_, words) in enumerate(_CHINESE)))

_LENGTHS = (1, 3, 6, 12)
_WINDOWS = (1, 2, 5, 10)
"""The last number of each part; what is more is the last part."""


def question_type(question: str) -> str:
    """What a question asks for, told by its question word: "who", "how many", …; of Chinese questions "谁", "多少", ….

    Without one: "yes or no" where it begins as such a question does, else "other" ("其他").
    """
    if _HAN.search(question):
        found = _CHINESE_WORD.search(question)
        return _name(found, _CHINESE) if found else OTHER_ZH
    found = _ENGLISH_WORD.search(question)
    if _ENGLISH_YES_NO.match(question):
        return "yes or no"
    return _name(found, _ENGLISH) if found else OTHER


def answer_length(answers: Sequence[str]) -> str:
    """The length of the first answer: in words, of Chinese in characters; "" where there is no answer."""
    if not answers:
        return ""
    unit = ("character", "characters") if _HAN.search(answers[0]) else ("word", "words")
    return _part(len(segments(answers[0])) or 1, _LENGTHS, *unit)


def window_count(windows: int) -> str:
    """In how many windows the text was read."""
    return _part(windows, _WINDOWS, "window", "windows")


def _name(found: re.Match[str], types: Sequence[tuple[str, str]]) -> str:
    return types[int((found.lastgroup or "p0")[1:])][0]


def _part(number: int, ends: Sequence[int], one: str, several: str) -> str:
    """The part that a number belongs to: "1 word", "2 to 3 words", …, "13 words or more"."""
    start = 1
    for end in ends:
        if number <= end:
            return f"{start if start == end else f'{start} to {end}'} {one if end == 1 else several}"
        start = end + 1
    return f"{start} {several} or more"

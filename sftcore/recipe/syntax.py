"""What to say of a text that is not TOML: the sentence that a newcomer needs, at the place where it went wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

from sftcore.errors import Excerpt, Problem

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_QUOTES = dict(zip("“”„＂「」『』", '"' * 8, strict=True)) | dict(zip("‘’＇", "'" * 3, strict=True))
_SIGNS = dict(zip("＝：，、［］【】｛｝．＃", "==,,[][]{}.#", strict=True))
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')

_FOREIGN_KEY = re.compile(
    r"""(?:^|[{,\[.])\s*                                     # where a key may begin
    ([^\s="'{},\[\].]*[^\x00-\x7f="'{},\[\].][^="'{},\[\].]*?)  # not quoted, with a letter beyond ASCII
    \s*(?:[=\].]|$)""",
    re.VERBOSE,
)


class _Spot:
    """The place in the text where tomllib stopped."""

    def __init__(self, text: str, message: str) -> None:
        self.lines = text.split("\n")
        place = _PLACE.search(message)
        self.reason = _PLACE.sub("", message)
        if place and place[1]:
            self.line, self.column = int(place[1]), int(place[2]) - 1
        else:
            self.line = max((at for at, line in enumerate(self.lines, 1) if line.strip()), default=1)
            self.column = len(self.lines[self.line - 1])
        if self.column >= len(self.text) and not self.text.strip() and self.line > 1:
            self.line -= 1
            self.column = len(self.text)

    @property
    def text(self) -> str:
        """The line."""
        return self.lines[self.line - 1]

    @property
    def bare(self) -> str:
        """The line with strings and comment blanked, each character in its place."""
        blanked = _STRING.sub(lambda match: '"' + " " * (len(match[0]) - 2) + '"', self.text)
        return re.sub(r"#.*", lambda match: " " * len(match[0]), blanked)

    @property
    def key(self) -> str:
        """What stands before the equals sign."""
        return self.text.partition("=")[0].strip()

    @property
    def rest(self) -> str:
        """What stands from the place on."""
        return self.text[self.column :].strip()


Advice = tuple[str, str, int, int]
"""Message, advice, start and length of what is meant."""


def syntax_problem(text: str, message: str, where: str) -> Problem:
    """The problem for a text (without byte-order mark and carriage returns) and tomllib's message about it."""
    spot = _Spot(text, message)
    said = next((found for look in _LOOKS if (found := look(spot)) is not None), None)
    said = said or (_lowered(spot.reason), "", spot.column, 1)
    excerpt = Excerpt(spot.line, spot.text, min(said[2], len(spot.text)), max(1, said[3]))
    return Problem(said[0], where, spot.line, excerpt=excerpt, advice=said[1])


def _lowered(reason: str) -> str:
    return f"this is not TOML: {reason[:1].lower()}{reason[1:]}"


def _other_language(spot: _Spot) -> Advice | None:
    first = next((line.strip() for line in spot.lines if line.strip()), "")
    if first[:1] == "{" and spot.line == 1:
        return "a recipe is TOML, and this looks like JSON", 'tables are written [model], values key = "value"', 0, 1
    colon = re.match(r"\s*([\w-]+)\s*:(\s|$)", spot.bare)
    if colon and "=" not in spot.bare[: colon.end()]:
        key = colon[1]
        if not spot.bare[colon.end() :].strip():
            return "TOML has no key: with lines below it", f"write [{key}] for a table", 0, len(spot.text)
        return "TOML writes key = value", f"write {key} = {spot.text[colon.end() :].strip()}", colon.end(1), 1
    return None


def _full_width(spot: _Spot) -> Advice | None:
    for signs, what in ((_QUOTES, "quotation mark"), (_SIGNS, "sign")):
        for at, letter in enumerate(spot.bare):
            if letter in signs:
                message = f"{letter} is a typographic {what}; TOML takes {signs[letter]} only"
                return message, "switch the input method to English punctuation", at, 1
    return None


def _unquoted_key(spot: _Spot) -> Advice | None:
    match = _FOREIGN_KEY.search(spot.bare)
    if match is None or match.end(1) < spot.column - 1:
        return None
    key = match[1]
    brackets = spot.bare.lstrip().startswith("[")
    shown = f'["{key}"]' if brackets else f'"{key}" = ...'
    return "a key with letters beyond a-z must stand in quotes", f"write {shown}", match.start(1), len(key)


def _backslash(spot: _Spot) -> Advice | None:
    if "'\\'" not in spot.reason and "hex" not in spot.reason.lower() and "scalar" not in spot.reason.lower():
        return None
    if "\\" not in spot.text:
        return None
    match = re.search(r'"([^"]*\\[^"]*)"?', spot.text)
    if match is None:
        return None
    path = match[1]
    advice = f"write '{path}' (single quotes) or \"{path.replace(chr(92) * 2, '/').replace(chr(92), '/')}\""
    return 'in "..." a backslash begins an escape', advice, match.start(1), len(path)


def _duplicate(spot: _Spot) -> Advice | None:
    reason = spot.reason.lower()
    if not any(word in reason for word in ("overwrite", "twice", "immutable", "duplicate")):
        return None
    header = re.match(r"\s*(\[\[?)\s*(.+?)\s*\]\]?", spot.bare)
    if header:
        name = header[2]
        first = _earlier(spot, rf"\s*\[\[?\s*{re.escape(name)}\s*\]")
        if header[1] == "[" and re.match(r"(preprocess|augment|metrics)$", name):
            return f"write [[{name}]], in double brackets: it may stand many times", "", 0, len(spot.text.rstrip())
        message = f"[{name}] stands twice{first}" if first else f"{name} is given already, by keys further up"
        return message, "write all its keys in one place", 0, len(spot.text.rstrip())
    first = _earlier(spot, rf"\s*{re.escape(spot.key)}\s*=")
    message = f"{spot.key} is given twice{first}" if first else f"{spot.key} is given already"
    return message, "keep one of them", spot.text.find(spot.key), len(spot.key)


def _earlier(spot: _Spot, pattern: str) -> str:
    above = [at for at, line in enumerate(spot.lines[: spot.line - 1], 1) if re.match(pattern, line)]
    return f", first in line {above[-1]}" if above else ""


def _unclosed(spot: _Spot) -> Advice | None:
    reason = spot.reason.lower()
    if "unterminated string" in reason or "illegal character '\\n'" in reason or 'expected "\'"' in reason:
        opening = re.search(r"=\s*([\"'])", spot.text)
        start = opening.start(1) if opening else spot.column
        return "the closing quotation mark is missing", "", start, len(spot.text.rstrip()) - start
    if "unclosed array" in reason:
        return "a list is not closed, or a comma is missing in it", 'lists look like ["a", "b"]', spot.column, 1
    if "inline table" in reason:
        return _open_table(spot)
    return None


def _inline_table(spot: _Spot) -> Advice | None:
    """A comma before the closing brace, or a line break within the braces: JSON and Python allow both."""
    if "{" not in spot.bare[: spot.column + 1]:
        return None
    comma = re.search(r",\s*\}", spot.bare)
    if comma:
        return "a table in { } has no comma after its last key", "delete this comma", comma.start(), 1
    return _open_table(spot) if spot.bare.count("{") > spot.bare.count("}") else None


def _open_table(spot: _Spot) -> Advice:
    advice = "a table in { } stands on one line, its keys with commas between"
    return "a table in { } is not closed, or a comma is missing in it", advice, spot.column, 1


def _comment(spot: _Spot) -> Advice | None:
    marked = re.search(r"(?:^|\s)(//|;|--)(?=\s|$)", spot.bare)
    if marked is None or marked.start(1) > max(spot.column + 3, 0) or marked.end(1) <= spot.column - 1:
        return None
    return f"a comment begins with #, not with {marked[1]}", "", marked.start(1), len(marked[1])


def _bad_value(spot: _Spot) -> Advice | None:
    if "invalid value" not in spot.reason.lower():
        return None
    word = re.split(r"\s*[,\]}#]|$", spot.rest)[0].strip()
    start = spot.text.find(word, max(0, spot.column - 1)) if word else spot.column
    if not word:
        return "a value is missing after the equals sign", "leave the key out where it has none", spot.column, 1
    if word.lower() in ("true", "false"):
        return f"write {word.lower()}, in small letters", "", start, len(word)
    if word.lower() in ("yes", "no", "on", "off"):
        return f"write {'true' if word.lower() in ('yes', 'on') else 'false'}", "", start, len(word)
    if word.lower() in ("none", "null", "nil", "nan", "~"):
        return f"TOML has no {word}", "leave the key out instead", start, len(word)
    if re.fullmatch(r"[+-]?\.\d.*", word):
        return f"a number begins with a digit: {word.replace('.', '0.', 1)}", "", start, len(word)
    return "a text must stand in quotes", f"write {_quoted(word.strip('`'))}", start, len(word)


def _quoted(text: str) -> str:
    return f"'{text}'" if "\\" in text or '"' in text else f'"{text}"'


def _after_value(spot: _Spot) -> Advice | None:
    if "newline" not in spot.reason.lower():
        return None
    found = spot.bare[: spot.column].partition("=")[2].strip()
    rest = spot.rest
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}", found) and re.fullmatch(r"(,\d{3})+", rest):
        advice = f"write {found}{rest.replace(',', '')}" + (f", or {found}.{rest[1:]}" if rest.count(",") == 1 else "")
        return "a number has no commas", advice, spot.column, len(rest)
    if re.fullmatch(r"[+-]?\d+", found) and re.match(r",\d", rest):
        return f"a number has a point, not a comma: {found}.{rest[1:]}", "", spot.column, len(rest)
    if re.match(r"[\w-]+\s*=", rest):
        return "one key = value on each line", "begin a new line here", spot.column, len(rest)
    if found and re.match(r"[+-]?\d", found):
        value = spot.text.partition("=")[2].strip()
        start = spot.text.rfind(value)
        return "expected a number or a text in quotes", f"as a text, write {_quoted(value)}", start, len(value)
    if spot.bare[: spot.column].rstrip().endswith('"') and spot.rest.startswith(","):
        values = spot.text.partition("=")[2].strip()
        return "several values make a list", f"write {spot.key} = [{values}]", spot.column, 1
    return "the line should end here: one key = value on each line", "", spot.column, len(rest)


def _no_equals(spot: _Spot) -> Advice | None:
    if "=" in spot.reason and "after a key" in spot.reason:
        words = spot.text.strip()
        if " " in words.partition("=")[0].strip() and "=" in words:
            key = words.partition("=")[0].strip()
            return "a key has no spaces", f"write {re.sub(r'[ ]+', '_', key)} = ...", spot.text.find(key), len(key)
        return "expected key = value", "", 0, len(spot.text.rstrip())
    if "declaration" in spot.reason or "invalid initial character for a key" in spot.reason.lower():
        message = "expected a table's name in brackets: [model], or [[preprocess]] for a list's entry"
        return message, "", 0, len(spot.text)
    return None


def _invisible(spot: _Spot) -> Advice | None:
    letter = spot.text[spot.column : spot.column + 1]
    if not letter or letter.isprintable() or letter == "\t":
        return None
    message = f"an invisible character (U+{ord(letter):04X}) stands here"
    return message, "delete it and write the line anew", spot.column, 1


_LOOKS: tuple[Callable[[_Spot], Advice | None], ...] = (
    _other_language,
    _invisible,
    _duplicate,
    _backslash,
    _full_width,
    _unquoted_key,
    _comment,
    _inline_table,
    _unclosed,
    _bad_value,
    _after_value,
    _no_equals,
)

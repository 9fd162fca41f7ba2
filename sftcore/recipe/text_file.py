"""The text of a recipe's file: UTF-8, with or without byte-order mark; anything else is named."""

from __future__ import annotations

from pathlib import Path

from sftcore.errors import Excerpt, Problem, RecipeError, nearest_file

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
SAVE_AS = "save the file as UTF-8 (most editors: Save as …, Encoding: UTF-8)"


def read_text(path: Path) -> str:
    """The file's text as it is. Raises `RecipeError` for a file that is absent, no text or not UTF-8."""
    where = str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise RecipeError(_absent(path)) from None
    except IsADirectoryError:
        raise RecipeError(Problem("a directory; expected a recipe file", where, advice=_recipes_in(path))) from None
    except OSError as error:
        raise RecipeError(Problem(f"the file can't be read: {error.strerror}", where)) from error
    if data.startswith(_UTF16_MARKS):
        raise RecipeError(Problem("the file is saved as UTF-16", where, advice=SAVE_AS))
    if b"\0" in data:
        raise RecipeError(Problem("a binary file; a recipe is TOML text", where))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(_not_utf8(data, error.start, where)) from error


def _absent(path: Path) -> Problem:
    folder = path.parent
    if not folder.is_dir():
        return Problem("no such file: the folder does not exist either", str(path))
    names = _toml_files(folder)
    close = nearest_file(path.name, names)
    if close:
        return Problem(f"no such file; did you mean {folder / close}?", str(path))
    return Problem("no such file", str(path), advice=_recipes_in(folder) or "sftcore new writes a recipe to start from")


def _toml_files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.toml") if file.is_file())


def _recipes_in(folder: Path) -> str:
    names = _toml_files(folder)
    return f"in it there is {', '.join(names[:8])}{' …' if len(names) > 8 else ''}" if names else ""


def _not_utf8(data: bytes, offset: int, where: str) -> Problem:
    """Point at the first line that is not UTF-8, read by the encoding that the file seems to have."""
    encoding = _seeming_encoding(data)
    line = data.count(b"\n", 0, offset) + 1
    first = data.rfind(b"\n", 0, offset) + 1
    text = data[first:].split(b"\n", 1)[0].rstrip(b"\r").decode(encoding or "latin-1", errors="replace")
    start = len(data[first:offset].decode("utf-8"))
    guess = f"it seems to be {encoding.upper()}" if encoding else "it may be Windows-1252 or Latin-1"
    return Problem(
        f"the file is not UTF-8; {guess}", where, line, excerpt=Excerpt(line, text, start, 1), advice=SAVE_AS
    )


def _seeming_encoding(data: bytes) -> str:
    """The East Asian encoding under which most of the other characters are common ones of its script, or ""."""
    best, most = "", 0.7
    for encoding in ("gbk", "big5", "shift_jis", "euc_kr"):
        try:
            letters = [letter for letter in data.decode(encoding) if ord(letter) > 127]
        except UnicodeDecodeError:
            continue
        share = sum(_common(letter, encoding) for letter in letters) / max(1, len(letters))
        if share > most:
            best, most = encoding, share
    return best


def _common(letter: str, encoding: str) -> bool:
    """Whether the character is one that texts in this encoding are full of."""
    if letter in "，。、；：？！“”‘’（）《》—…·「」":
        return True
    if encoding == "shift_jis":
        return "぀" <= letter <= "ヿ" or "一" <= letter <= "鿿"
    if encoding == "euc_kr":
        return "가" <= letter <= "힣"
    try:  # the first level of GB 2312 and of Big5 holds the common characters
        first = letter.encode(encoding)[0]
    except UnicodeEncodeError:
        return False
    return "一" <= letter <= "鿿" and (0xB0 <= first <= 0xD7 if encoding == "gbk" else 0xA4 <= first <= 0xC6)

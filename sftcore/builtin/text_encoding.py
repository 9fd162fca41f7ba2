"""From the bytes of a text file to text: byte order marks, UTF-8, and guesses that are said to be guesses."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import warnings
import zlib
from pathlib import Path

from sftcore import DataError, Problem, did_you_mean

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "hz": "hz"}
"""Encodings whose superset reads more of the files that are called so."""
BY_PAIRS = frozenset({"gb18030", "big5", "big5hkscs", "cp949", "euc_kr", "johab", "cp932", "shift_jis", "euc_jp"})
"""Guesses to follow where they decode the whole file, which few other files allow."""
BY_LETTERS = frozenset({"cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "tis_620", "cp874"})
"""Guesses to follow where most letters are of that alphabet. Among the Latin ones a statistical guess is no better
than the most common encoding, cp1252."""
SAMPLE = 1 << 16
_EXPORT = "open it in the program that it belongs to, and save it as CSV UTF-8"
_DOWNLOAD = "open the address in a browser and download the file itself"
SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", _EXPORT),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", _EXPORT),
    (b"%PDF-", "a PDF", "copy its table into a spreadsheet, and save that as CSV UTF-8"),
    (b"SQLite format 3", "an SQLite data base", "export the table as CSV"),
    (b"PAR1\x15", "a Parquet file", "give it the ending .parquet"),
    (b"\x1f\x8b", "compressed by gzip", "give it one more ending, .gz"),
    (b"<!doctype html", "a page of HTML", _DOWNLOAD),
    (b"<html", "a page of HTML", _DOWNLOAD),
    (b"version https://git-lfs.github.com/spec", "a pointer of Git LFS in place of the file", "git lfs pull"),
)
"""How files of other formats begin (in small letters where they are text), what they are, and what to do."""
SURROGATE = re.compile("[\ud800-\udfff]")
OPENERS = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}


def read_bytes(path: str) -> bytes:
    """The content of a file, decompressed if its ending says .gz, .bz2 or .xz. Raises `DataError`."""
    try:
        content = Path(path).read_bytes()
        opener = OPENERS.get(Path(path).suffix.lower())
        content = opener(content) if opener else content
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(Problem(f"can't be read: {reason}", where=path)) from error
    start = content[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for signature, what, advice in SIGNATURES:
        lines_of_html = signature.startswith(b"<") and Path(path).suffix.lower() == ".txt"
        if content.startswith(signature) or (start.startswith(signature) and not lines_of_html):
            raise DataError(Problem(f"no text: the file is {what}", where=path, advice=advice))
    return content


def read_text(path: str, encoding: str | None) -> str:
    """The text of a file, without byte order mark; NULs are removed and lone surrogates replaced, with a warning.

    An encoding that is not given is detected, and a guess is warned of. Raises `DataError` with line and bytes
    where the given encoding does not fit.
    """
    content = read_bytes(path)
    chosen = codec(encoding, path) if encoding else detect(content)
    if not encoding and chosen not in {"utf-8", "utf-8-sig", "utf-16", "utf-32"}:
        warnings.warn(f"read {Path(path).name} as {chosen} (a guess; say data.encoding to be sure)", stacklevel=2)
    strictness = "strict" if encoding or chosen not in {"utf-8", "utf-8-sig"} else "surrogatepass"
    try:
        text = content.decode(chosen, strictness)
    except UnicodeDecodeError as error:
        raise DataError(_wrong_encoding(path, content, chosen, error)) from error
    name = Path(path).name
    if strictness != "strict":
        text, count = without_lone_surrogates(text)
        if count:
            warnings.warn(f"replaced {count} lone surrogates in {name}", stacklevel=2)
    if "\0" in text:
        warnings.warn(f"removed {text.count(chr(0))} NUL characters from {name}", stacklevel=2)
    return text.replace("\0", "").removeprefix("\ufeff")


def codec(encoding: str, path: str) -> str:
    """Python's name of an encoding, or of its superset in use. Raises `DataError` with the nearest name."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        from encodings.aliases import aliases

        near = did_you_mean(encoding, {*aliases, *aliases.values()}).partition("; there is")[0]
        raise DataError(Problem(f"unknown encoding {encoding!r}{near}", where=path, key="data.encoding")) from None
    return "utf-8-sig" if name == "utf-8" else WIDER.get(name, name)


def detect(content: bytes) -> str:
    """The encoding of a file: its mark, strict UTF-8, a likely one that decodes it all, else cp1252 or Latin-1."""
    marked = next((name for mark, name in MARKS if content.startswith(mark)), None)
    if marked:
        return marked
    if b"\0" in content[:SAMPLE] and (wide := _unmarked_utf16(content[:SAMPLE])):
        return wide
    for strictness in ("strict", "surrogatepass"):
        if _decodes(content, "utf-8", strictness):
            return "utf-8"
    guess = _guess(content)
    return next(name for name in (guess, "cp1252", "latin-1") if name and _decodes(content, name))


def _guess(content: bytes) -> str | None:
    from charset_normalizer import from_bytes

    lines = [line for line in content[: SAMPLE * 64].split(b"\n") if not line.isascii()]
    sample = b"\n".join(lines)[:SAMPLE]
    best = from_bytes(sample).best()
    guess = WIDER.get(best.encoding, best.encoding) if best else None
    if _looks_simplified_chinese(sample) and (guess == "big5" or len(sample) < 64):
        guess = "gb18030"
    letters = len(re.findall(rb"[A-Za-z]", sample))
    high = len(re.findall(rb"[\x80-\xff]", sample))
    return guess if guess in BY_PAIRS or (guess in BY_LETTERS and high > letters) else None


def _looks_simplified_chinese(sample: bytes) -> bool:
    """Whether the bytes above 127 come in pairs of the common characters of GB 2312."""
    high = re.findall(rb"[\x80-\xff]+", sample)
    pairs = re.compile(rb"(?:[\xa1-\xa9\xb0-\xd7][\xa1-\xfe])+")
    return bool(high) and sum(bool(pairs.fullmatch(run)) for run in high) >= 0.95 * len(high)


def _unmarked_utf16(sample: bytes) -> str | None:
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if 5 * max(even, odd) < len(sample):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _decodes(content: bytes, encoding: str, errors: str = "strict") -> bool:
    try:
        content.decode(encoding, errors)
    except UnicodeDecodeError:
        return False
    return True


def _wrong_encoding(path: str, content: bytes, chosen: str, error: UnicodeDecodeError) -> Problem:
    before = content[: error.start]
    shown = " ".join(f"{byte:02x}" for byte in content[error.start : error.start + 4])
    message = f"the bytes {shown} (at {error.start:,}) are not {chosen.removesuffix('-sig')}: {error.reason}"
    fits = detect(content)
    advice = f"it reads as {fits}; leave out data.encoding, or name the right one"
    line = before.count(b"\n") + 1
    return Problem(message, where=path, line=line, key="data.encoding", advice=advice)


def without_lone_surrogates(text: str) -> tuple[str, int]:
    """The text with halves of pairs joined and lone ones replaced by U+FFFD, and how many were replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return SURROGATE.subn("\ufffd", joined)
    return text, 0

"""Charts as inline SVG: drawn by matplotlib, coloured by the page, each with its figures as a table.

Texts stay texts, so the browser's fonts draw them, Chinese ones too; colours are CSS variables, so a page that turns
dark takes its charts along. Legends are HTML, which wraps on a narrow screen. matplotlib comes with `sftcore[report]`;
without it (`available`) the tables alone are shown.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.report.frame import filled

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

    from sftcore.report.words import Words

WIDTH, HEIGHT = 440.0, 260.0
"""Of a chart, in units of its viewBox. Letters of 14 stay readable when a telephone shows it at 350 pixels."""
MOST_POINTS = 400
"""Points of a line that are drawn; a longer one is thinned evenly."""
MOST_FIGURES = 40
"""Rows of a chart's table."""
COLOURS = 5
"""Lines that one chart tells apart."""

_LETTERS = 14.0
_DASHES = ((), (6.0, 2.5), (2.0, 2.0), (7.0, 2.0, 2.0, 2.0), (10.0, 3.0))
"""A second way to tell lines apart, for readers who do not tell colours apart."""
_SERIES = tuple(f"#0101{number:02x}" for number in range(1, COLOURS + 1))
_INK, _QUIET, _GRID = "#010201", "#010202", "#010203"
_VARIABLES = {_INK: "currentColor", _QUIET: "var(--muted)", _GRID: "var(--line)"}
_VARIABLES |= {colour: f"var(--series-{number})" for number, colour in enumerate(_SERIES, 1)}
_LOOK: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": _LETTERS,
    "font.family": ["DejaVu Sans"],
    **dict.fromkeys(("axes.labelsize", "xtick.labelsize", "ytick.labelsize"), _LETTERS),
    **dict.fromkeys(("axes.labelcolor", "text.color", "xtick.labelcolor", "ytick.labelcolor"), _INK),
    **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), _QUIET),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "axes.formatter.useoffset"), False),
    **dict.fromkeys(("axes.grid", "axes.axisbelow"), True),
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
}


@dataclass(frozen=True, slots=True)
class Chart:
    """What stands around a chart: an `id` that no other of the page has (letters, digits, hyphens), its title (which is
    not seen above it where `titled` is false), a sentence that says what there is to see, and the names of its axes."""

    id: str
    title: str
    description: str
    x: str = ""
    y: str = ""
    titled: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, and its points with ascending `x`; `marked` draws each point."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its value and the interval around it, and a note to stand behind the name."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """A chart as a table: column names, and rows of texts, the first cell of which names the row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def available() -> bool:
    """Whether matplotlib is installed, so that there are charts beside their tables."""
    return find_spec("matplotlib") is not None


def line_chart(
    chart: Chart,
    lines: Sequence[Line],
    words: Words,
    *,
    figures: Figures | None = None,
    limits: tuple[float | None, float | None] = (None, None),
    percent: tuple[bool, bool] = (False, False),
    diagonal: str = "",
) -> Markup:
    """Lines over a common x axis, at most 5; their table is made of their points where no `figures` are given.

    `limits` are those of the y axis, `percent` says which axes (x, y) are shares, `diagonal` names a line of y = x.
    """
    shown = [_thinned(line, MOST_POINTS) for line in lines[:COLOURS]]

    def draw(axes: Axes) -> None:
        for number, line in enumerate(shown):
            _draw_line(axes, line, number)
        if diagonal:
            axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1.2, dashes=(3, 3))
        axes.set_ylim(*limits)
        _name_axes(axes, chart, percent)

    legend = [*enumerate((line.name for line in shown), 1), *([(0, diagonal)] if diagonal else [])]
    table = figures or _points_table(chart, lines, words, percent)
    return _figure(chart, draw, words, table, legend if len(legend) > 1 else ())


def histogram(
    chart: Chart,
    found: Mapping[str, Any],
    words: Words,
    names: tuple[str, str],
    *,
    mark: tuple[float, str] | None = None,
) -> Markup:
    """Bars of `found` as `sftcore.data.lengths.length_histogram` gives it: what is whole and, on top, what was cut.

    `names` are those of the two; `mark` is a place on the x axis and the name of the line there, which is left out
    where no bar is so far right.
    """
    width, counts, over = int(found["width"]), list(found["counts"]), int(found.get("over", 0))
    cut = np.array([*found.get("cut", [0] * len(counts)), *([over] if over else [])])
    heights = np.array([*counts, *([over] if over else [])])
    edges = width * np.arange(len(heights))
    marked = mark if mark and mark[0] < edges[-1] + width else None

    def draw(axes: Axes) -> None:
        axes.bar(edges, heights - cut, 0.9 * width, align="edge", color=_SERIES[0], linewidth=0)
        axes.bar(edges, cut, 0.9 * width, heights - cut, align="edge", color=_SERIES[1], linewidth=0)
        if marked:
            axes.axvline(marked[0], color=_QUIET, linewidth=1.5, dashes=(3, 3))
        axes.grid(False, axis="x")
        axes.set_xlim(0, edges[-1] + width)
        _name_axes(axes, chart, (False, False))
        if over:
            _open_end(axes, width, len(counts))

    rows = [
        (_span(words, place, width, len(counts)), words.count(height), words.count(lost))
        for place, (height, lost) in enumerate(zip(heights.tolist(), cut.tolist(), strict=True))
    ]
    legend = [(1, names[0]), *([(2, names[1])] if cut.any() else []), *([(0, marked[1])] if marked else [])]
    return _figure(chart, draw, words, Figures((chart.x, chart.y, names[1]), rows), legend)


def bars(
    chart: Chart,
    items: Sequence[Bar],
    words: Words,
    *,
    limits: tuple[float, float] = (0.0, 1.0),
    tabled: bool = True,
) -> Markup:
    """Horizontal bars, the first on top, each with its name above and its interval as a line.

    `tabled=False`: without a table, for a chart that stands beside one.
    """
    height = 38.0 * len(items) + 46.0

    def draw(axes: Axes) -> None:
        for place, item in enumerate(items):
            axes.barh(place, item.value - limits[0], 0.34, limits[0], color=_SERIES[0], linewidth=0)
            if item.low is not None and item.high is not None:
                axes.plot([item.low, item.high], [place, place], color=_INK, linewidth=1.5, marker="|")
            name = f"{item.name}  {words.number(item.value)}" + (f"  ({item.note})" if item.note else "")
            axes.text(limits[0], place - 0.27, _plain(name), ha="left", va="bottom")
        axes.set(xlim=limits, ylim=(len(items) - 0.6, -0.85), yticks=[])
        axes.spines["left"].set_visible(False)
        _name_axes(axes, chart, (False, False))
        axes.set_yticks([])

    rows = [(item.name, words.number(item.value), words.interval(item.low, item.high), item.note) for item in items]
    columns = ("", chart.x, words("charts.interval"), words("charts.note"))
    return _figure(chart, draw, words, _without_empty(Figures(columns, rows if tabled else ())), (), height)


def calibration_chart(
    chart: Chart, confidence: Sequence[float], right: Sequence[float], rows: Sequence[int], words: Words, diagonal: str
) -> Markup:
    """Of some groups of rows the mean confidence (x) and the share that is right (y).

    The areas of the points say how many rows each has.

    A calibrated model's points lie on the line y = x, which is named `diagonal`; lines lead from there to the points.
    """

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1.2, dashes=(3, 3))
        axes.vlines(confidence, confidence, right, color=_SERIES[0], linewidth=1.2)
        areas = 14 + 240 * np.array(rows) / max(rows)
        axes.scatter(confidence, right, areas, color=_SERIES[0], linewidth=0, clip_on=False, zorder=3)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        _name_axes(axes, chart, (True, True))

    table = [
        (words.number(float(x)), words.number(float(y)), words.count(number))
        for x, y, number in zip(confidence, right, rows, strict=True)
    ]
    columns = (chart.x, chart.y, words("charts.rows"))
    legend = [(1, chart.y), (0, diagonal)]
    return _figure(chart, draw, words, Figures(columns, table), legend)


def _figure(
    chart: Chart,
    draw: Callable[[Axes], None],
    words: Words,
    figures: Figures,
    legend: Sequence[tuple[int, str]],
    height: float = HEIGHT,
) -> Markup:
    """The chart with its legend and table; `legend` pairs the number of a colour (0: the quiet line) with a name."""
    from markupsafe import Markup

    drawing = Markup(_svg(chart, draw, height)) if available() else ""  # noqa: S704  # every text in it is escaped
    keys = [(f"var(--series-{number})" if number else "var(--muted)", _dash(number), name) for number, name in legend]
    return filled("chart.html", words, chart=chart, drawing=drawing, legend=keys, figures=figures)


def _svg(chart: Chart, draw: Callable[[Axes], None], height: float) -> str:
    """The drawing, with the page's colours and fonts, and ids that no other chart has."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    stream = io.StringIO()
    with rc_context({**_LOOK, "svg.hashsalt": chart.id}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser's fonts have it
        figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _embedded(stream.getvalue(), chart, height)


def _embedded(svg: str, chart: Chart, height: float) -> str:
    """matplotlib's file as a part of a page."""
    from markupsafe import escape

    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    referred = set(re.findall(r"(?:href=\"|url\()#([\w.-]+)", body))
    body = re.sub(r' id="([\w.-]+)"', lambda own: f' id="{chart.id}-{own[1]}"' if own[1] in referred else "", body)
    body = re.sub(r"(?:xlink:)?href=\"#([\w.-]+)", rf'href="#{chart.id}-\1', body)
    body = re.sub(r"url\(#([\w.-]+)", rf"url(#{chart.id}-\1", body)
    body = re.sub(r" ?font-family: [^;\"]*;?| transform=\"rotate\(-0 [^\"]*\"|<defs>\s*</defs>", "", body)
    body = re.sub(r"#0[0-9a-f]{5}\b", lambda colour: _VARIABLES.get(colour[0], colour[0]), body)
    body = re.sub(r"\s*\n\s*", " ", body)
    head = (
        f'<svg class="drawing" role="img" aria-labelledby="{chart.id}-title {chart.id}-desc" '
        f'viewBox="0 0 {WIDTH:g} {height:g}" xmlns="http://www.w3.org/2000/svg">'
    )
    names = f'<title id="{chart.id}-title">{escape(chart.title)}</title>'
    return f'{head}{names}<desc id="{chart.id}-desc">{escape(chart.description)}</desc>{body.strip()}'


def _draw_line(axes: Axes, line: Line, number: int) -> None:
    style: dict[str, Any] = {"marker": "o", "markersize": 5} if line.marked or len(line.x) == 1 else {}
    if _DASHES[number]:
        style["dashes"] = _DASHES[number]
    axes.plot(line.x, line.y, color=_SERIES[number], **style)


def _name_axes(axes: Axes, chart: Chart, percent: tuple[bool, bool]) -> None:
    """The axes' names; the y axis's stands above it, where it can be read without turning one's head."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlabel(_plain(chart.x))
    if chart.y != chart.title or not chart.titled:
        axes.set_title(_plain(chart.y), loc="left", fontsize=_LETTERS, color=_INK)
    for axis, shares in zip((axes.xaxis, axes.yaxis), percent, strict=True):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(_as_percent if shares else _as_number))


def _open_end(axes: Axes, width: int, bins: int) -> None:
    """The last bar stands for all that is longer."""
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= width * (bins - 2)]
    last = width * (bins + 0.45)
    axes.set_xticks([*ticks, last], [*(_as_number(tick, 0) for tick in ticks), f"> {width * bins:,}"])


def _as_percent(value: float, place: int | None = None) -> str:
    return f"{100 * value:.3g} %"


def _as_number(value: float, place: int | None = None) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}".replace("-", "−")


def _plain(text: str) -> str:
    """A text that matplotlib shows as it is: dollar signs would begin mathematics."""
    return text.replace("$", r"\$")


def _span(words: Words, place: int, width: int, bins: int) -> str:
    """The lengths of a bin."""
    if place >= bins:
        return words("charts.over", number=words.count(width * bins))
    first, last = width * place + 1, width * (place + 1)
    return words.count(last) if width == 1 else words("charts.span", low=words.count(first), high=words.count(last))


def _points_table(chart: Chart, lines: Sequence[Line], words: Words, percent: tuple[bool, bool]) -> Figures:
    """The points of all lines by x, evenly thinned to 40."""
    values = [dict(zip(map(float, line.x), map(float, line.y), strict=True)) for line in lines]
    places = sorted({x for points in values for x in points})
    chosen = [places[place] for place in _evenly(len(places), MOST_FIGURES)]
    show = _as_percent if percent[0] else _as_number
    rows = [(show(x), *(words.number(points.get(x)) for points in values)) for x in chosen]
    return Figures((chart.x, *(line.name for line in lines)), rows)


def _without_empty(figures: Figures) -> Figures:
    """The table without its columns that say nothing."""
    kept = [place for place in range(len(figures.columns)) if any(row[place] not in ("", "–") for row in figures.rows)]
    rows = [[row[place] for place in kept] for row in figures.rows]
    return Figures([figures.columns[place] for place in kept], rows)


def _thinned(line: Line, most: int) -> Line:
    chosen = _evenly(len(line.x), most)
    return Line(line.name, [line.x[place] for place in chosen], [line.y[place] for place in chosen], line.marked)


def _evenly(count: int, most: int) -> list[int]:
    """At most so many of the first `count` whole numbers, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return list(dict.fromkeys(np.linspace(0, count - 1, most).round().astype(int).tolist()))


def _dash(number: int) -> str:
    """The dashes of a line as SVG writes them."""
    return " ".join(f"{part:g}" for part in _DASHES[number - 1]) if number else "3 3"

"""The measurements as one picture: an SVG of three charts, drawn by hand so that nothing has to be installed."""

from collections.abc import Iterator, Sequence
from html import escape
from math import log10
from statistics import median

from tests.bench.contenders import Service
from tests.bench.report import mark, rates
from tests.bench.rounds import Found

WIDTH, HEIGHT = 960, 700
EMPTY = 1_000.0
"""The place of a database without orders on a logarithmic axis, which has no zero."""
COLOURS = {"p50": "#2a6f97", "p99": "#e07a1f", "max": "#b23a48", "new": "#2a6f97", "cold": "#e07a1f", "warm": "#5a9367"}
OURS = "#2a6f97"
OTHERS = "#9aa5b1"


def svg(found: Found) -> str:
    """The whole picture."""
    parts = [*_throughput(found), *_latency(found), *_growth(found)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="13"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _throughput(found: Found) -> Iterator[str]:
    yield _text(20, 28, "Events a second (logarithmic), median, lowest and highest round", bold=True)
    ordered = sorted(rates(found).items(), key=lambda one: -median(one[1]))
    step = min(40, 270 // max(1, len(ordered)))
    for row, (name, values) in enumerate(ordered):
        y = 46 + row * step
        left, top = 260, max(max(several) for _, several in ordered)

        def x(value: float, left: int = left, top: float = top) -> float:
            return left + 560 * max(0.0, log10(max(value, 1)) - 1) / (log10(top) - 1 or 1)

        colour = OURS if name == Service.name else OTHERS
        yield _text(left - 10, y + step // 2 - 1, name, anchor="end")
        yield f'<rect x="{left}" y="{y}" width="{x(median(values)) - left:.1f}" height="{step - 12}" fill="{colour}"/>'
        middle = y + (step - 12) / 2
        yield _line(x(min(values)), middle, x(max(values)), middle, "#222")
        yield _text(x(max(values)) + 8, y + step // 2 - 1, f"{median(values):,.0f}{mark(found.throughput[name])}")


def _latency(found: Found) -> Iterator[str]:
    yield _text(20, 330, "ms from record to command, over load (events/s)", bold=True)
    points = [(one["rate"], one["to_record"]) for one in found.latency if one["to_record"]]
    lines = {name: [(rate, values[name]) for rate, values in points] for name in ("p50", "p99", "max")}
    yield from _chart(70, 350, 370, 280, lines, logarithmic=False)


def _growth(found: Found) -> Iterator[str]:
    yield _text(500, 330, "Events a second, over orders in the database", bold=True)
    lines = {
        name: [(float(one["orders"] or EMPTY), one[name]) for one in found.growth if one.get(name)]
        for name in ("new", "cold", "warm")
    }
    yield from _chart(560, 350, 370, 280, lines, logarithmic=True)


def _chart(
    left: int, top: int, width: int, height: int, lines: dict[str, list[tuple[float, float]]], *, logarithmic: bool
) -> Iterator[str]:
    points = [point for several in lines.values() for point in several]
    if not points:
        return
    bottom = top + height
    far, high = max(x for x, _ in points), max(y for _, y in points) * 1.05
    near = min(x for x, _ in points) if logarithmic else 0.0

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        share = (log10(x / near) / (log10(far / near) or 1)) if logarithmic else x / far
        return left + width * share, bottom - height * y / high

    yield _line(left, bottom, left + width, bottom, "#222")
    yield _line(left, top, left, bottom, "#222")
    for n in range(5):
        value = high * n / 4
        yield _text(left - 6, bottom - height * n / 4 + 4, f"{value:,.0f}", anchor="end")
    for x in sorted({x for x, _ in points}):
        label = "none" if logarithmic and x == EMPTY else f"{x:,.0f}"
        yield _text(place((x, 0))[0], bottom + 18, label, anchor="middle")
    for row, (name, several) in enumerate(lines.items()):
        yield from _series([place(point) for point in several], COLOURS[name])
        yield _text(left + 14 + row * 70, bottom + 38, name, colour=COLOURS[name])


def _series(places: Sequence[tuple[float, float]], colour: str) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, colour: str = "#222") -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(text)}</text>'

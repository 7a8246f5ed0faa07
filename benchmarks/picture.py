"""Bars as SVG, written by hand: a plot that needs no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

__all__ = ["draw"]

_COLOURS = {"chiscsi": "#0f766e", "chiscsi-mem": "#5eead4", "tgt": "#b45309", "istgt": "#7c3aed"}
_OTHER_COLOUR = "#64748b"
_WIDTH, _LABELS, _FIGURES, _BAR, _GAP = 860, 230, 190, 16, 18
_LEGEND = "operations a second, median; longer is better, each group has its own scale"


def draw(groups: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """An SVG picture: for each (title, value by name) a group of bars, the longest as wide as there is room."""
    parts = [_text(8, 18, _LEGEND)]
    top = 34
    for title, values in groups:
        parts.append(_text(8, top + 12, title, weight="bold"))
        for name, value in values.items():
            parts += _bar(top, name, value, max(values.values()))
            top += _BAR + 2
        top += _GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="{escape(_LEGEND)}">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _bar(top: int, name: str, value: float, longest: float) -> list[str]:
    width = (_WIDTH - _LABELS - _FIGURES) * value / longest
    colour = _COLOURS.get(name, _OTHER_COLOUR)
    return [
        f'<rect x="{_LABELS}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>',
        _text(_LABELS + width + 6, top + 12, f"{name} {value:,.0f}"),
    ]


def _text(x: float, y: float, words: str, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y}" font-weight="{weight}" fill="#0f172a">{escape(words)}</text>'

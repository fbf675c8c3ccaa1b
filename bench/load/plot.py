"""Bar charts as SVG text, without a library."""

import math
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP = 860, 390, 70, 16, 8
COLOURS = ("#9aa5b1", "#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e", "#c2255c")


def text(x, y, words, anchor="start", size=12, weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">'
            f"{escape(words)}</text>")


def rectangle(x, y, width, colour):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{BAR}" fill="{colour}"/>'


def page(height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif" fill="#212529">\n'
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def bars(title, values, line):
    """(name, value, label) each; a vertical line at `line`."""
    scale = (WIDTH - LEFT - RIGHT) / max([line, *(value for _, value, _ in values)])
    parts, y = [text(12, 24, title, size=15, weight="bold")], 44.0
    for name, value, label in values:
        colour = COLOURS[1] if value <= line else COLOURS[2]
        parts += [text(LEFT - 8, y + 13, name, "end"), rectangle(LEFT, y, value * scale, colour),
                  text(LEFT + value * scale + 6, y + 13, label)]
        y += BAR + GAP
    x = LEFT + line * scale
    parts.append(f'<line x1="{x:.1f}" y1="36" x2="{x:.1f}" y2="{y:.0f}" stroke="#212529" stroke-dasharray="4 3"/>')
    return page(y + 12, parts)


def grouped_bars(title, groups):
    """(title, [(name, value, label)]) each, on logarithmic scales of their own that begin at half the smallest value."""
    parts, y = [text(12, 24, title, size=15, weight="bold")], 44.0
    names = list(dict.fromkeys(name for _, values in groups for name, _, _ in values))
    for heading, values in groups:
        if not values:
            continue
        least, most = min(v for _, v, _ in values) / 2, max(v for _, v, _ in values)
        scale = (WIDTH - LEFT - RIGHT) / math.log(most / least)
        parts.append(text(12, y + 13, heading, weight="bold"))
        for name, value, label in values:
            width = math.log(value / least) * scale
            parts += [text(LEFT - 8, y + 13, name, "end"),
                      rectangle(LEFT, y, width, COLOURS[names.index(name) % len(COLOURS)]),
                      text(LEFT + width + 6, y + 13, label)]
            y += BAR + GAP / 2
        y += BAR
    return page(y + 4, parts)

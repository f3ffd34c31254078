"""A plot with logarithmic axes, as an SVG file."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 80, 200, 40, 50
COLOURS = ["#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a"]


def decades(values):
    """The powers of ten around them."""
    least = math.floor(math.log10(min(values)))
    return least, max(math.ceil(math.log10(max(values))), least + 1)


def tick(power):
    return f"{10 ** power:,}" if power >= 0 else f"{10.0 ** power:g}"


def words(x, y, text, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{escape(text)}</text>'


def line(x1, y1, x2, y2, colour="#ddd"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def plot(path, title, axes, series):
    """`axes`: what x and y are. `series`: name → [(x, y)], all above 0."""
    points = [point for some in series.values() for point in some]
    (x0, x1), (y0, y1) = decades([x for x, _ in points]), decades([y for _, y in points])

    def at(x, y):
        return (LEFT + (math.log10(x) - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (math.log10(y) - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', words(LEFT, 22, title, 'font-size="15"')]
    for power in range(x0, x1 + 1):
        x, bottom = at(10.0**power, 10.0**y0)
        parts += [line(x, TOP, x, bottom), words(x, bottom + 18, tick(power), 'text-anchor="middle"')]
    for power in range(y0, y1 + 1):
        left, y = at(10.0**x0, 10.0**power)
        parts += [line(left, y, WIDTH - RIGHT, y), words(left - 8, y + 4, tick(power), 'text-anchor="end"')]
    parts += [words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, axes[0], 'text-anchor="middle"'),
              words(0, 0, axes[1], f'text-anchor="middle" transform="translate(18 {(HEIGHT - BOTTOM + TOP) / 2:.0f}) rotate(-90)"')]
    for i, (name, some) in enumerate(series.items()):
        colour, places = COLOURS[i % len(COLOURS)], [at(*point) for point in some]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(words(WIDTH - RIGHT + 12, TOP + 16 + 18 * i, name, f'fill="{colour}"'))
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")

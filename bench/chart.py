"""Draws the results as horizontal bars, in SVG without any library."""
import html

ROW, GAP, LEFT, WIDTH = 18, 14, 300, 560
COLOURS = {"Frazil": "#1f6f8b", "DuckDB": "#c9a227", "Polars": "#8a5a83"}


def draw(rows, items):
    """Bars of seconds for the items whose names are given, each item on a scale of its own: `rows` as `run.py` collects them."""
    parts = []
    y = 10
    for item in items:
        group = [(engine, result) for name, engine, result, _ in rows if name == item and not result.failed]
        if len(group) < 2:
            continue
        longest = max(result.seconds for _, result in group)
        parts.append(f'<text x="10" y="{y + 13}" font-weight="bold">{html.escape(item)}</text>')
        y += ROW + 4
        for engine, result in group:
            width = max(2, result.seconds / longest * (WIDTH - 20))
            colour = COLOURS[engine.replace(",", " ").split()[0]]
            parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{html.escape(engine)}</text>')
            parts.append(f'<rect x="{LEFT}" y="{y + 1}" width="{width:.1f}" height="{ROW - 4}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 13}">{result.seconds:.2f} s, {result.peak_bytes / 1e9:.2f} GB</text>')
            y += ROW
        y += GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 140}" height="{y}" font-family="sans-serif" font-size="12">\n'
            f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")

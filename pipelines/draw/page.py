"""The shell of every page: one HTML file with its styles, scripts and data inside, which asks the network for nothing.

Here: the template, the content security policy, folium made quiet and repeatable. Not here: what a page shows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup, escape

from pipelines.draw.facts import Release, date_in_words

if TYPE_CHECKING:
    import folium

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Fold:
    """A part of the panel that opens on request: a heading, then paragraphs or list items of plain text."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass
class Page:
    """One page. Text is plain text and is escaped here; `body` alone is HTML, made with `render`.

    `styles` and `scripts` are put inside the file as they are, `data` as JSON that scripts read; `home` is the
    relative link to the gallery, empty on the gallery itself.
    """

    title: str
    sentence: str
    release: Release
    body: Markup
    styles: Sequence[str] = ()
    scripts: Sequence[str] = ()
    data: Any = None
    home: str = "../index.html"
    kind: str = "text"

    def html(self) -> str:
        """The whole file. Same page, same text, byte for byte."""
        for script in self.scripts:
            # Our own scripts and folium's hold no text of the data, so this is a slip of ours.
            if re.search(r"</script|<!--", script, re.IGNORECASE):
                raise ValueError("a script holds text that would end it early")
        return render(
            "page.html",
            page=self,
            release=self.release,
            data_to=date_in_words(self.release.data_to),
            policy=content_security_policy(self.scripts),
            styles=[Markup(style) for style in (*self.styles, _own_file("page.css"))],
            scripts=[Markup(script) for script in self.scripts],
            data=None if self.data is None else Markup(json_for_html(self.data)),
        )


def render(template: str, **values: Any) -> Markup:
    """Render a template of this folder; every value that is not already Markup is escaped."""
    return Markup(_templates().get_template(template).render(**values))


def with_code(text: str) -> Markup:
    """Plain text as HTML, what stands between backticks as code; every part of it is escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def json_for_html(value: Any) -> str:
    """Compact JSON that can stand inside a <script> element whatever text it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def content_security_policy(scripts: Sequence[str]) -> str:
    """Policy that forbids the page any network, and any script but these, by their hash.

    Should text of the data ever slip out of its place as markup, a browser refuses to run it.
    """
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    ]
    allowed = " ".join(hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def own_script(name: str) -> str:
    """Text of a script of this folder."""
    return _own_file(name)


def own_style(name: str = "page.css") -> str:
    """Text of a style of this folder; without a name the one that every page has."""
    return _own_file(name)


@cache
def leaflet_script() -> str:
    """Leaflet's script; its line that sends browsers to look for a source map is taken off."""
    return re.sub(r"//# sourceMappingURL=\S*", "", _leaflet_file("leaflet.js")).strip() + "\n"


@cache
def leaflet_style() -> str:
    """Leaflet's style without its pictures: they are files beside it, for controls and markers that no page uses."""
    return re.sub(r"(background-image|behavior):\s*url\([^)]*\);?", "", _leaflet_file("leaflet.css"))


def render_map(chart: folium.Map) -> tuple[Markup, str]:
    """A folium map as (HTML of its box, script), without what folium adds for pages of its own.

    Folium's header is left out: it fetches libraries from elsewhere, forbids the reader to zoom the page, and lays the
    map over the whole of it.
    """
    from branca.element import Figure

    figure = chart.get_root()
    if not isinstance(figure, Figure):
        raise TypeError("the map is not in a figure")
    chart.default_js, chart.default_css = [], []
    for child in figure._children.values():
        child.render()
    script = "\n".join(line for line in figure.script.render().splitlines() if line.strip())
    return Markup(figure.html.render().strip()), script + "\n"


def named(element: Any, name: str) -> Any:
    """Give a folium element a fixed name, which is also its variable's name in the page; returns the element.

    Folium names each element at random, so that no two runs would give the same file.
    """
    element._name, _, element._id = name.rpartition("_")
    return element


def _own_file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _leaflet_file(name: str) -> str:
    from xstatic.pkg import leaflet

    return (Path(leaflet.BASE_DIR) / name).read_text(encoding="utf-8")


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["date_in_words"] = date_in_words
    environment.filters["with_code"] = with_code
    return environment

"""`app email build`: MJML becomes an HTML and a text file, which are both committed.

The layout surrounds each mail. mrml ignores unknown elements, so they are refused here.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated

import mrml
import typer
from jinja2 import Environment, TemplateSyntaxError, meta

from app.core.cli.errors import CliError
from app.core.features import features
from app.extensions.email import catalog as mails
from app.extensions.email.catalog import FOLDER, LAYOUT, catalog, homes, own_layout, team
from app.extensions.email.cli import cli
from app.extensions.email.render import COMMON
from app.extensions.email.schemas import Mail

MAX_BYTES = 100_000  # Gmail cuts a longer mail
CONTENT = "<!-- content -->"
OWN_LAYOUT = Path(mails.__file__).parent / "emails" / LAYOUT
JINJA = Environment(autoescape=True)

# https://documentation.mjml.io, without mj-include, whose part the layout has.
ELEMENTS = frozenset(
    f"mj-{name}"
    for names in (
        ("head", "body", "attributes", "all", "class", "breakpoint", "font", "preview", "style"),
        ("title", "raw", "html-attributes", "html-attribute", "selector", "accordion"),
        ("accordion-element", "accordion-text", "accordion-title", "button", "carousel"),
        ("carousel-image", "column", "divider", "group", "hero", "image", "navbar", "navbar-link"),
        ("section", "social", "social-element", "spacer", "table", "text", "wrapper"),
    )
    for name in names
)
COLUMN = re.compile(r"<mj-column\b[^>]*(?<!/)>.*?</mj-column>", re.DOTALL)
PLACEHOLDER = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)


class BuildError(CliError):
    """A template cannot be compiled; the message names it."""


@dataclass(frozen=True)
class Output:
    """A file that `app email build` writes."""

    path: Path
    content: str

    @property
    def is_current(self) -> bool:
        """Whether the file is there with this content."""
        return self.path.exists() and self.path.read_text(encoding="utf-8") == self.content


@cli.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a file is not current.")
    ] = False,
) -> None:
    """Compile the MJML of every mail to HTML and text, which are committed."""
    stale, left = changes()
    if check and (stale or left):
        names = ", ".join(str(path) for path in (*(output.path for output in stale), *left))
        raise CliError(f"not current: {names}. Run `uv run app email build`.")
    for path in left:
        path.unlink()
        typer.echo(f"Deleted {path}")
    for output in stale:
        output.path.parent.mkdir(exist_ok=True)
        output.path.write_text(output.content, encoding="utf-8")
        typer.echo(f"Wrote {output.path}")
    if not stale and not left:
        typer.echo("Everything is current.")


def changes() -> tuple[list[Output], list[Path]]:
    """Return what is to be written, and what is left of a layout or template that is gone.

    Only the features of the team can have the latter.

    Raises:
        BuildError: there is a template of no mail; and see `outputs`.
    """
    found = list(outputs())
    known = {place for mail in catalog().values() for place in homes(mail)}
    kept = {output.path for output in found}
    left = []
    for feature in features():
        for path in sorted((feature.path / FOLDER).rglob("*.*")):
            if path.suffix not in (".mjml", ".html", ".txt") or path.name == LAYOUT:
                continue
            if path.with_suffix("") not in known:
                raise BuildError(f"No mail has the template {path}: write its class or delete it.")
            if feature in team() and path.suffix != ".mjml" and path not in kept:
                left.append(path)
    return [output for output in found if not output.is_current], left


def outputs() -> Iterator[Output]:
    """Compile every mail.

    With a layout of the team, also the mails of the template are compiled, next to that layout, so
    that no file of the template changes.

    Raises:
        BuildError: a mail has no template, or one that cannot be compiled or filled.
        FeatureError: the mails of a feature cannot be loaded.
    """
    layout = own_layout()
    for mail in catalog().values():
        places = list(homes(mail))
        source = next((s for s in map(_source, places) if s.exists()), None)
        if source is None:
            raise BuildError(f"The mail {mail.key()} has no template: write {_source(places[-1])}.")
        target = source
        if layout and not mail.__module__.startswith("app.features."):
            target = layout.with_name(mail.owner()) / source.name
        compiled = compile_mail(
            source.read_text(encoding="utf-8"),
            (layout or OWN_LAYOUT).read_text(encoding="utf-8"),
            name=str(source),
        )
        for suffix, content in compiled.items():
            if unknown := _unknown_placeholders(content, mail):
                raise BuildError(f"{source}: {mail.__name__} has no field {', '.join(unknown)}")
            yield Output(target.with_suffix(suffix), content)


def compile_mail(source: str, layout: str, *, name: str = "mail") -> dict[str, str]:
    """Return the content of the HTML and the text template by suffix.

    The first line of the text is the subject, which `<mj-title>` has.

    Raises:
        BuildError: the source is not correct.
    """

    def fail(problem: str) -> BuildError:
        return BuildError(f"{name}: {problem}")

    subject = html.unescape(" ".join(_inside(source, "mj-title", fail).split()))
    whole = _merge(source, layout, fail)
    unknown = set(re.findall(r"<(mj-[\w-]*)", whole)) - ELEMENTS
    if any("<mj-raw" in column for column in COLUMN.findall(whole)):
        raise fail("mrml moves an <mj-raw> in a column. Put it before or after an <mj-section>.")
    if unknown:
        raise fail(f"<{'>, <'.join(sorted(unknown))}>: MJML has no such element")
    try:
        compiled = mrml.to_html(whole)
    except OSError as error:
        raise fail(f"MJML cannot read it: {error}. Write `<` in a placeholder as &lt;.") from None
    if compiled.warnings:
        raise fail(f"MJML warns: {compiled.warnings}")
    # In an expression, `&lt;` is a comparison, and quotes are those of a text.
    markup = PLACEHOLDER.sub(lambda found: html.unescape(found[0]), compiled.content) + "\n"
    if len(markup.encode()) > MAX_BYTES:
        raise fail(f"the HTML has more than {MAX_BYTES} bytes, and Gmail would cut it")
    files = {".html": markup, ".txt": f"{subject}\n\n{_text(_inside(whole, 'mj-body', fail))}\n"}
    for content in files.values():
        try:
            JINJA.parse(content)
        except TemplateSyntaxError as error:
            raise fail(f"Jinja cannot read it: {error.message}") from None
    return files


def _unknown_placeholders(content: str, mail: type[Mail]) -> list[str]:
    names = meta.find_undeclared_variables(JINJA.parse(content))
    return sorted(names - COMMON - mail.model_fields.keys() - JINJA.globals.keys())


def _source(place: Path) -> Path:
    return place.with_name(f"{place.name}.mjml")


def _inside(document: str, tag: str, fail: Callable[[str], BuildError]) -> str:
    found = re.search(rf"<{tag}\b[^>]*>(.*)</{tag}>", document, re.DOTALL)
    if found is None or not found[1].strip():
        raise fail(f"there is no <{tag}>")
    return found[1]


def _merge(source: str, layout: str, fail: Callable[[str], BuildError]) -> str:
    head, body = (_inside(source, tag, fail) for tag in ("mj-head", "mj-body"))
    if layout.count(CONTENT) != 1:
        raise fail(f"the layout has no line {CONTENT}")
    return layout.replace(CONTENT, body.strip()).replace("</mj-head>", f"{head}</mj-head>")


def _text(body: str) -> str:
    reader = _TextReader()
    reader.feed(body)
    reader.close()
    return reader.result()


class _TextReader(HTMLParser):
    """Reads the text of a body: paragraphs, with the addresses of links."""

    CELLS = ("mj-text", "mj-button", "mj-raw", "mj-section", "mj-column")
    BLOCKS = frozenset(("p", "div", "h1", "h2", "h3", "h4", "ul", "ol", "tr", "table", *CELLS))
    RULES = frozenset(("hr", "mj-divider"))
    LINKS = frozenset(("a", "mj-button", "mj-navbar-link", "mj-social-element"))

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        given = dict(attrs)
        if tag == "style":
            self._hidden += 1
        if tag in self.BLOCKS:
            self._parts.append("\n\n")
        if tag in self.LINKS:
            self._links.append((given.get("href") or "", len(self._parts)))
        if tag == "br":
            self._parts.append("\n")
        if tag == "li":
            self._parts.append("\n- ")
        if tag in self.RULES:
            self._parts.append("\n\n--\n\n")
        if tag in ("img", "mj-image") and given.get("alt"):
            self._parts.append(f"\n\n{given['alt']}\n\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Handle an element without content."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if tag == "style":
            self._hidden -= 1
        if tag in self.LINKS and self._links:
            address, start = self._links.pop()
            label = "".join(self._parts[start:]).strip()
            if address and address != label:
                self._parts.append(f":\n{address}" if tag == "mj-button" else f" ({address})")
        if tag in self.BLOCKS:
            self._parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        """Add text; spaces are collapsed as browsers do."""
        if not self._hidden:
            self._parts.append(re.sub(r"\s+", " ", data))

    def result(self) -> str:
        """The whole text."""
        lines = (line.strip() for line in "".join(self._parts).splitlines())
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

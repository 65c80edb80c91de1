"""Templates: what is committed is what MJML gives.

Templates with placeholders are in `emails/`: modules of Python hold none.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.core.cli.errors import CliError
from app.core.features import FeatureError
from app.extensions.email import catalog
from app.extensions.email.catalog import find
from devstack.commands import email as build
from devstack.commands.email import BuildError, changes, compile_mail, outputs

LAYOUT = build.OWN_LAYOUT.read_text(encoding="utf-8")
TEMPLATES = Path(__file__).parent / "emails"


def body_of(name: str) -> str:
    return (TEMPLATES / f"{name}.mjml").read_text(encoding="utf-8").strip()


def source(body: str, head: str = "<mj-title>Hi</mj-title>") -> str:
    column = f"<mj-section><mj-column>{body}</mj-column></mj-section>"
    return f"<mjml><mj-head>{head}</mj-head><mj-body>{column}</mj-body></mjml>"


def test_the_committed_templates_are_current() -> None:
    """If this fails: uv run app email build."""
    assert changes() == ([], [])


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<mj-txet>Hello</mj-txet>", "mj-txet"),
        ("<mj-foo/>", "mj-foo"),
        ("<mj-include path='x'/>", "mj-include"),
        ("<mj-text>Hello", "MJML cannot read"),
        (body_of("moved"), "moves"),
        (body_of("unescaped"), "&lt;"),
        (body_of("unclosed"), "Jinja"),
        (f"<mj-text>{'long' * 30_000}</mj-text>", "100000"),
    ],
)
def test_a_wrong_template_is_refused(body: str, problem: str) -> None:
    with pytest.raises(BuildError, match=problem):
        compile_mail(source(body), LAYOUT)


def test_a_template_needs_a_subject() -> None:
    with pytest.raises(BuildError, match="mj-title"):
        compile_mail(source("<mj-text>Hi</mj-text>", ""), LAYOUT)


def test_expressions_may_compare() -> None:
    files = compile_mail(source(body_of("comparison")), LAYOUT)
    assert "% if a < 3 %" in files[".html"]
    assert "% if a < 3 %" in files[".txt"]


def test_the_html_is_fit_for_mail_programs() -> None:
    html = compile_mail(source("<mj-text><p>Hi</p></mj-text>"), LAYOUT)[".html"]
    assert "max-width:600px" in html
    assert '<p style="margin: 0;">' in html  # inlined
    assert "prefers-color-scheme: dark" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "<script" not in html


def test_the_text_has_paragraphs_links_and_lists() -> None:
    layout = "<mjml><mj-head></mj-head><mj-body><!-- content --></mj-body></mjml>"
    text = compile_mail(source(body_of("paragraphs")), layout)[".txt"]
    assert text == (TEMPLATES / "paragraphs.txt").read_text(encoding="utf-8")


def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A feature of the team with nothing but templates."""
    home = tmp_path / "brand"
    (home / "emails").mkdir(parents=True)
    (home / "__init__.py").touch()
    import app.features

    monkeypatch.setattr(app.features, "__path__", [*app.features.__path__, str(tmp_path)])
    return home / "emails"


def test_the_team_overrides_a_mail_of_the_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails = team(tmp_path, monkeypatch)
    (emails / "email").mkdir()
    (emails / "email" / "test_mail.mjml").write_text(source("<mj-text>Ours</mj-text>"))
    (html, text) = [output for output in outputs() if "brand" in str(output.path)]
    assert html.path == emails / "email" / "test_mail.html"
    html.path.write_text(html.content)
    text.path.write_text(text.content)
    mail = catalog.mail_class("email.test_mail")
    assert find(mail, ".html") == html.path


def test_a_layout_of_the_team_changes_no_file_of_the_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails = team(tmp_path, monkeypatch)
    (emails / "layout.mjml").write_text(LAYOUT.replace("Sent by", "Yours,"))
    found = list(outputs())
    assert all("Yours," in output.content for output in found)
    theirs = {output.path.parent for output in found} - {Path(build.__file__).parent}
    assert emails / "email" in theirs
    assert build.OWN_LAYOUT.parent not in theirs


def test_what_is_left_of_a_layout_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails = team(tmp_path, monkeypatch)
    (emails / "layout.mjml").write_text(LAYOUT)
    (emails / "email").mkdir()
    ours = emails / "email" / "test_mail.mjml"
    ours.write_text(source("<mj-text>Ours</mj-text>"))
    build.build()
    assert changes() == ([], [])
    written = {*emails.rglob("*.html"), *emails.rglob("*.txt")}
    assert emails / "email" / "invitation.html" in written
    (emails / "layout.mjml").unlink()
    (emails / "notes.md").touch()
    kept = {ours.with_suffix(".html"), ours.with_suffix(".txt")}
    assert set(changes()[1]) == written - kept
    with pytest.raises(CliError, match=r"invitation\.html"):
        build.build(check=True)
    build.build()
    assert {*emails.rglob("*.*")} == {ours, *kept, emails / "notes.md"}


@pytest.mark.parametrize("name", ["gone.mjml", "gone.html", "email/gone.txt", "emial/x.mjml"])
def test_a_template_without_a_mail_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = team(tmp_path, monkeypatch) / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(BuildError, match=str(path)):
        build.build(check=True)


@pytest.mark.parametrize("name", ["unknown", "unknown_loop"])
def test_an_unknown_placeholder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    emails = team(tmp_path, monkeypatch)
    (emails / "email").mkdir()
    (emails / "email" / "test_mail.mjml").write_text(source(body_of(name)))
    with pytest.raises(BuildError, match="TestMail has no field nmae"):
        list(outputs())


def test_a_mail_without_template_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    mail = type("Missing", (catalog.mail_class("email.test_mail"),), {})
    monkeypatch.setattr(mail, "__module__", "app.extensions.email.email")
    with pytest.raises(FeatureError, match="missing"):
        find(mail, ".html")
    monkeypatch.setattr(build, "catalog", lambda: {"email.missing": mail})
    with pytest.raises(BuildError, match=r"missing\.mjml"):
        list(outputs())


@pytest.mark.skipif(
    not (mjml := shutil.which("mjml")), reason="npm install --global mjml brings it"
)
def test_the_compiler_of_mjml_finds_nothing(tmp_path: Path) -> None:
    """It validates attributes as well, which mrml does not."""
    assert mjml
    for path in build.OWN_LAYOUT.parent.glob("*.mjml"):
        content = re.sub(r"{+ color }+", "#3b4cca", path.read_text(encoding="utf-8"))
        (tmp_path / path.name).write_text(content, encoding="utf-8")
        run = subprocess.run(
            [mjml, "--validate", str(tmp_path / path.name)], capture_output=True, check=False
        )
        assert run.returncode == 0, run.stderr.decode()

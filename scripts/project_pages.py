"""The pages of docs/ that a project gets in its own docs/, as templates in template/docs/.

Marks in a page, which no reader of the site sees, say what depends on an option:

    <!-- with: redbeat -->     the lines up to `<!-- end -->` are for projects with the option
    text <!-- with: admin -->  this line is for projects with the option
    <!-- with: admin or pages -->  as above, for projects with one of two options
    <!-- with: deploy=fly -->  as above, for projects with this answer to another question
    <!-- with: site -->        as above, for the site only

Marks of the tests, such as `<!-- run in: a project -->`, are left out. options.yml declares which
option a whole page belongs to.
"""

import re
from functools import partial
from pathlib import Path

PAGES = [
    f"{name}.md"
    for name in (
        *("admin", "analytics", "api-keys", "architecture-project", "billing", "cache", "credits"),
        *("database", "deploy", "development-page", "documents", "email", "feature", "frontend"),
        *("limits", "local-stripe", "metrics", "organizations", "pages", "production", "secrets"),
        *("sentry", "supabase", "tasks", "tracing", "update", "work"),
    )
]
HEAD = "{#- Written by `uv run python -m scripts.options` from docs/. -#}\n"
_NAME = r"(?P<name>\w+(?:=[\w-]+)?(?: or \w+)*)"
# A block takes the blank line before it along, so that two are not left where it is missing.
_BLOCK = re.compile(
    rf"(?P<blank>\n?)^<!-- with: {_NAME} -->\n(?P<text>.*?)^<!-- end -->\n",
    re.MULTILINE | re.DOTALL,
)
_LINE = re.compile(rf"^(?P<text>[^\n]*\S) <!-- with: {_NAME} -->$\n", re.MULTILINE)
_TEST = re.compile(r"^<!-- (run in|not run): [^\n]* -->\n", re.MULTILINE)
_LEFT = re.compile(r"<!-- (?:with|end|run|not run)")
_JINJA = re.compile(r"\{[{%#]")


def project_pages(folder: Path) -> dict[Path, str]:
    """The template of each page, by its path in a checkout of the template."""
    return {
        folder / "template/docs" / f"{name}.jinja": project_page(
            (folder / "docs" / name).read_text("utf-8")
        )
        for name in PAGES
    }


def project_page(text: str) -> str:
    """The Jinja template of a page.

    Raises:
        ValueError: the page has an unknown mark.
    """
    text = _TEST.sub("", text)
    if left := _LEFT.search(_LINE.sub("", _BLOCK.sub(r"\g<text>", text))):
        raise ValueError(f"a project's page must not contain {left[0]!r}")
    text = _JINJA.sub(r"{{ '\g<0>' }}", text)
    for pattern, content in ((_BLOCK, "{blank}{text}"), (_LINE, "{text}\n")):
        text = pattern.sub(partial(_condition, content), text)
    return HEAD + text


def _condition(content: str, found: re.Match[str]) -> str:
    if found["name"] == "site":
        return ""
    name, equals, answer = found["name"].partition("=")
    condition = f"{name} == '{answer}'" if equals else name
    return f"{{% if {condition} %}}{content.format_map(found.groupdict())}{{% endif %}}"

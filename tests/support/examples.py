"""The examples in the documentation, which tests run."""

import re

from support.snapshot import ROOT


def blocks(page: str, language: str) -> list[str]:
    """The code blocks in one language of a page in docs/."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def files(page: str, language: str) -> dict[str, str]:
    """The blocks whose first line names a file: path -> content without that line."""
    named = (block.partition("\n") for block in blocks(page, language))
    return {head.removeprefix("# "): rest for head, _, rest in named if head.startswith("# ")}

"""Blocks of a hand-written file that a script replaces."""

import re


def replace_block(text: str, name: str, block: str) -> str:
    """Replace the lines between a line with `Begin of NAME` and one with `End of NAME`.

    Raises:
        ValueError: the text does not hold exactly one such block.
    """
    pattern = re.compile(
        rf"(?P<begin>^[^\n]*Begin of {re.escape(name)}\b[^\n]*\n)"
        rf".*?(?P<end>^[^\n]*End of {re.escape(name)}\b)",
        re.MULTILINE | re.DOTALL,
    )
    text, count = pattern.subn(lambda match: match["begin"] + block + match["end"], text)
    if count != 1:
        raise ValueError(f"expected one block between Begin of {name} and End of {name}")
    return text

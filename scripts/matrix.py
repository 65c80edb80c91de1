"""Write tests/matrix.json: rows of answers that together cover every allowed pair of answers.

    uv run python -m scripts.matrix

Two settings are enough to trigger most faults of configurable software (Kuhn, Wallace, Gallo:
"Software Fault Interactions and Implications for Software Testing", IEEE TSE 30/6, 2004), and few
rows cover all pairs. The questions and values come from copier.yml, and the pairs that are not
allowed from CONFLICTS in checks.jinja. A test fails as long as the committed rows differ.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import yaml

from scripts.checks import load_checks

ROOT = Path(__file__).resolve().parent.parent
MATRIX = ROOT / "tests" / "matrix.json"
# Optional texts: an empty one and another, which renders more lines.
TEXTS = {
    "description": ["", "Orders, and who pays for them."],
    "author_name": ["", "Ada Lovelace"],
    "author_email": ["", "ada@example.com"],
    "github_owner": ["", "acme/backend"],
}
# Questions whose choices add files of their own and change no other one. The rows take the choices
# in turn: pairs with them would double the number of rows.
IN_TURN = ("deploy",)

Answers = dict[str, Any]
Pair = tuple[tuple[str, Any], tuple[str, Any]]


def dimensions(questions: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The values of each question, without those in turn and those that accept any text.

    Of a question with any number of choices: none of them, and all.
    """
    found: dict[str, list[Any]] = {}
    for name, question in questions.items():
        values = choices(question)
        if name in IN_TURN:
            continue
        if values:
            found[name] = [(), tuple(values)] if question.get("multiselect") else values
        elif question["type"] == "bool":
            found[name] = [False, True]
        elif name in TEXTS:
            found[name] = TEXTS[name]
    return found


def choices(question: Mapping[str, Any]) -> list[Any]:
    """The values of a question with choices; an empty list for others."""
    listed = question.get("choices", [])
    return list(listed.values() if isinstance(listed, dict) else listed)


def conflicting(answers: Mapping[str, Any], conflicts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the answers have a conflict."""
    return any(
        all(name in answers and answers[name] == value for name, value in entry["answers"].items())
        for entry in conflicts
    )


def allowed_pairs(
    space: Mapping[str, Sequence[Any]], conflicts: Sequence[Mapping[str, Any]]
) -> list[Pair]:
    """Every pair of answers to two questions without a conflict, in the order of the questions."""
    return [
        ((one, a), (other, b))
        for one, other in combinations(space, 2)
        for a, b in product(space[one], space[other])
        if not conflicting({one: a, other: b}, conflicts)
    ]


def pairs_of(row: Answers) -> Iterator[Pair]:
    """The pairs that a row covers. A list of JSON is a tuple in a pair."""
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}
    return combinations(values.items(), 2)


def cover(
    space: Mapping[str, Sequence[Any]], conflicts: Sequence[Mapping[str, Any]]
) -> list[Answers]:
    """Rows that cover every allowed pair. The algorithm is greedy and deterministic.

    Raises:
        ValueError: a pair is allowed by itself, but every row with it has a conflict.
    """
    missing = dict.fromkeys(allowed_pairs(space, conflicts))
    rows = []
    while missing:
        start = next(iter(missing))
        row = complete(dict(start), space, conflicts, missing)
        if row is None:
            raise ValueError(
                f"no row can hold {start}: declare the pair as a conflict in options.yml"
            )
        row = {name: row[name] for name in space}
        rows.append(row)
        for pair in pairs_of(row):
            missing.pop(pair, None)
    return _needed(rows)


def _needed(rows: list[Answers]) -> list[Answers]:
    """Leave out rows whose pairs the others cover, as the first one that a later row repeats."""
    times = Counter(pair for row in rows for pair in pairs_of(row))
    kept = []
    for row in rows:
        if all(times[pair] > 1 for pair in pairs_of(row)):
            times.subtract(pairs_of(row))
        else:
            kept.append(row)
    return kept


def complete(
    row: Answers,
    space: Mapping[str, Sequence[Any]],
    conflicts: Sequence[Mapping[str, Any]],
    missing: Mapping[Pair, None],
) -> Answers | None:
    """Complete a row with the values that cover most pairs; None if every row has a conflict."""
    if conflicting(row, conflicts):
        return None
    order = list(space)
    name = next((each for each in order if each not in row), None)
    if name is None:
        return row

    def gain(value: Any) -> int:
        pairs = (
            ((each, row[each]), (name, value))
            if order.index(each) < order.index(name)
            else ((name, value), (each, row[each]))
            for each in row
        )
        return sum(pair in missing for pair in pairs)

    for value in sorted(space[name], key=gain, reverse=True):
        if found := complete({**row, name: value}, space, conflicts, missing):
            return found
    return None


@cache
def questions(folder: Path = ROOT) -> dict[str, dict[str, Any]]:
    """The questions of copier.yml in their order, without computed ones."""
    config = yaml.safe_load((folder / "copier.yml").read_text("utf-8"))
    return {
        name: question
        for name, question in config.items()
        if not name.startswith("_") and question.get("when") is not False
    }


def text(folder: Path = ROOT) -> str:
    """The content of the file, with one row per line."""
    asked = questions(folder)
    rows = cover(dimensions(asked), load_checks(folder).CONFLICTS)
    for name in IN_TURN:
        values = choices(asked[name])
        rows = [{**row, name: values[place % len(values)]} for place, row in enumerate(rows)]
    return "[\n" + ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows) + "\n]\n"


def main() -> None:
    """Write the file."""
    MATRIX.write_text(text(), "utf-8")


if __name__ == "__main__":
    main()

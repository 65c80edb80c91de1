"""Pages of the admin site on a table of 100,000 rows: statements and milliseconds for each."""

import argparse
import json
from pathlib import Path

from project import HERE, load_average, project_folder, python_of, run, services


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a project with `admin`; default: render one")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with project_folder(options.project, admin=True) as project, services(project) as given:
        command = [python_of(project), str(HERE / "admin_pages.py"), str(options.rounds)]
        environment = given.environment | {"PYTHONPATH": str(project), "LOG_LEVEL": "error"}
        lines = run(command, project, **environment).splitlines()
    print(
        "| page | statements, 5,000 rows | statements, 100,000 | ms, 5,000 rows | ms, 100,000 |\n"
        "|---|---:|---:|---:|---:|"
    )
    for page in map(json.loads, lines):
        statements = " | ".join(str(count) for count in page["statements"])
        print(f"| {page['name']} | {statements} | {page['ms'][0]:.0f} | {page['ms'][1]:.0f} |")
    print(f"\n{load_average()}")


if __name__ == "__main__":
    main()

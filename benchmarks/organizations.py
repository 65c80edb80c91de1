"""What the policies of the option `organizations` cost on 100,000 rows: see `policies.py`."""

import argparse
from pathlib import Path

from project import HERE, load_average, project_folder, python_of, run, services


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    options = parser.parse_args()
    with (
        project_folder(options.project, organizations=True) as project,
        services(project) as given,
    ):
        address = given.environment["DATABASE_URL"]
        print(run([python_of(project), str(HERE / "policies.py")], project, DATABASE_URL=address))
    print(load_average())


if __name__ == "__main__":
    main()

"""What searches in documents find, and what they cost: see `project_documents.py`."""

import argparse
import os
import subprocess
from pathlib import Path

from project import HERE, load_average, project_folder, python_of, services


def main() -> None:
    """Render a project with the option, and measure in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--project", type=Path, help="a project with pgvector, instead of a new one"
    )
    parser.add_argument("--chunks", type=int, default=100_000)
    arguments = parser.parse_args()
    with project_folder(arguments.project, pgvector=True) as project, services(project) as running:
        subprocess.run(
            [python_of(project), str(HERE / "project_documents.py"), str(arguments.chunks)],
            cwd=project,
            env=os.environ
            | running.environment
            | {"PYTHONPATH": f"{HERE}:{project}", "LOG_LEVEL": "warning"},
            check=True,
        )
    print(load_average())


if __name__ == "__main__":
    main()

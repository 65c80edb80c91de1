"""Try or test the template on a machine that has only Python 3.11 or newer, and Git.

    python3 start.py demo [DEST]         render a project with the defaults and run it
    python3 start.py test [ARGUMENT ...] run the tests of this repository (arguments go to pytest)

If uv is not installed, it is installed into .uv/ of this checkout.
"""

import sys

OLDEST_PYTHON = (3, 11)

if sys.version_info < OLDEST_PYTHON:
    sys.exit(
        "start.py requires Python 3.11 or newer; this is Python {}.{}. Use a newer one, such as "
        "python3.13 start.py.".format(*sys.version_info)
    )

import os  # noqa: E402
import re  # noqa: E402
import shlex  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import NoReturn  # noqa: E402

ROOT = Path(__file__).resolve().parent
OLDEST_UV = (0, 9)  # the oldest version that the projects are tested with
DEMO = Path("../demo-backend")


def main(arguments: list[str]) -> None:
    """Run the command that the first argument names, and exit with its exit code."""
    match arguments:
        case ["demo"]:
            demo(ROOT / DEMO)
        case ["demo", dest] if not dest.startswith("-"):
            demo(Path(dest))
        case ["test", *rest]:
            test(rest)
        case ["-h" | "--help"]:
            print(__doc__.strip())
        case _:
            fail(f"Unknown command.\n\n{__doc__.strip()}")


def demo(dest: Path) -> None:
    """Render a project with the defaults into `dest`, unless it exists, and run it."""
    dest = dest.expanduser().resolve()
    require_git()
    uv = find_uv()
    if (dest / ".copier-answers.yml").is_file() and (dest / "app").is_dir():
        say(f"{dest} is a project of this template. It is not rendered again.")
    elif dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        fail(
            f"{dest} exists and is not a project of this template. Name another folder, such as "
            "python3 start.py demo ../my-backend."
        )
    else:
        say(f"Creating a project in {dest}")
        prepare_path(uv)
        launcher = [uv, "run", "--project", str(ROOT), "--no-default-groups", "new"]
        made = subprocess.run(
            [*launcher, str(dest), "--defaults"],
            stdout=subprocess.DEVNULL,  # the next steps, which are run here
            check=False,
        )
        if made.returncode != 0:
            sys.exit(made.returncode)
    say(f"Running cd {shlex.quote(str(dest))} && uv run app dev")
    say("The addresses are printed below when the API is ready. Ctrl-C stops all processes.")
    replace_process(uv, ["run", "app", "dev"], dest)


def test(arguments: list[str]) -> None:
    """Run the tests of this repository."""
    require_git()
    replace_process(find_uv(), ["run", "pytest", *arguments], ROOT)


def require_git() -> None:
    """Exit with a message if Git is not installed."""
    if shutil.which("git") is None:
        fail("git is not installed. Install it and run the command again.")


def find_uv() -> str:
    """The path of a supported uv: the one of the user, or the one in .uv/ of this checkout."""
    for candidate in (shutil.which("uv"), str(private_uv())):
        if candidate and (uv_version(candidate) or (0,)) >= OLDEST_UV:
            return candidate
    say("Installing uv into .uv/ of this checkout")
    install_uv()
    if uv_version(str(private_uv())) is None:
        fail("uv was installed into .uv/ but does not run. Install uv and run the command again.")
    return str(private_uv())


def private_uv() -> Path:
    """The path of the uv in .uv/ of this checkout, which may not exist."""
    if os.name == "nt":
        return ROOT / ".uv" / "Scripts" / "uv.exe"
    return ROOT / ".uv" / "bin" / "uv"


def uv_version(uv: str) -> tuple[int, ...] | None:
    """The version of a uv, or None if it does not run."""
    try:
        output = subprocess.run(
            [uv, "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return None
    found = re.match(r"uv (\d+)\.(\d+)", output)
    return tuple(map(int, found.groups())) if found else None


def install_uv() -> None:
    """Install uv into .uv/: into a virtual environment, or into a folder if Python has no venv."""
    home = ROOT / ".uv"
    shutil.rmtree(home, ignore_errors=True)
    created = run_quietly([sys.executable, "-m", "venv", str(home)])
    if created.returncode == 0:
        python = str(private_uv().with_name("python.exe" if os.name == "nt" else "python"))
        installed = run_quietly([python, "-m", "pip", "install", "--quiet", "uv"])
    else:
        # Some distributions have Python without ensurepip, but with a pip of the system.
        shutil.rmtree(home, ignore_errors=True)
        installed = run_quietly(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(home), "uv"]
        )
    if installed.returncode != 0:
        shutil.rmtree(home, ignore_errors=True)
        reason = " ".join(installed.stderr.split())[-300:]
        fail(f"uv could not be installed. Check the network connection and pip. {reason}")


def run_quietly(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command and capture its output."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


def replace_process(uv: str, arguments: list[str], folder: Path) -> NoReturn:
    """Replace this process by `uv …` in `folder`, so that it receives the signals directly."""
    os.chdir(folder)
    prepare_path(uv)
    os.environ.pop("VIRTUAL_ENV", None)
    sys.stdout.flush()
    if os.name == "nt":
        sys.exit(subprocess.run([uv, *arguments], check=False).returncode)
    os.execv(uv, [uv, *arguments])


def prepare_path(uv: str) -> None:
    """Add uv to PATH for its child processes, and at the end this Python for uv."""
    here = Path(sys.executable).resolve().parent
    folders = [str(Path(uv).parent), os.environ.get("PATH", ""), str(here)]
    os.environ["PATH"] = os.pathsep.join(folders)


def say(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> NoReturn:
    """Print a message on stderr and exit with 1."""
    sys.exit(text)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)

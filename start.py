"""Try the template, or test it, on a machine that has Python 3.11 and git and nothing else.

    python3 start.py demo [DEST]         render a project with the defaults and run it
    python3 start.py test [ARGUMENT ...] run the tests of this repository (arguments go to pytest)

uv is used if it is there; if not, it is installed into .uv/ of this checkout, and nowhere else.
"""

import sys

OLDEST_PYTHON = (3, 11)

if sys.version_info < OLDEST_PYTHON:
    sys.exit(
        "This needs Python 3.11 or newer, and this one is {}.{}: run it with a newer one, such as "
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
OLDEST_UV = (0, 9)  # the first whose `uv run` and dependency groups the projects are tested with
DEMO = Path("../demo-backend")


def main(arguments: list[str]) -> None:
    """Run the command named by the first argument; ends the process with its exit code."""
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
            fail(f"There is no such command. {' '.join(__doc__.split())}")


def demo(dest: Path) -> None:
    """Render a project with the defaults into `dest`, unless it is there already, and run it."""
    dest = dest.expanduser().resolve()
    require_git()
    uv = find_uv()
    if (dest / ".copier-answers.yml").is_file() and (dest / "app").is_dir():
        say(f"{dest} is a project of this template already: it is run as it is.")
    elif dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        fail(
            f"{dest} exists and is not a project of this template: name another folder, such as "
            "python3 start.py demo ../my-backend."
        )
    else:
        say(f"Making a project in {dest}")
        prepare_path(uv)
        launcher = [uv, "run", "--project", str(ROOT), "--no-default-groups", "new"]
        made = subprocess.run(
            [*launcher, str(dest), "--defaults"],
            stdout=subprocess.DEVNULL,  # its last words name the command that is run here anyway
            check=False,
        )
        if made.returncode != 0:
            sys.exit(made.returncode)
    say(f"Running it: cd {shlex.quote(str(dest))} && uv run app dev")
    say("The addresses to open are listed below once it answers; Ctrl-C stops everything.")
    replace_process(uv, ["run", "app", "dev"], dest)


def test(arguments: list[str]) -> None:
    """Run the tests of this repository."""
    require_git()
    replace_process(find_uv(), ["run", "pytest", *arguments], ROOT)


def require_git() -> None:
    """Git carries the template's versions, and the demo's first commit."""
    if shutil.which("git") is None:
        fail("git is not installed: install it and run the command again.")


def find_uv() -> str:
    """A uv new enough: the user's, or one installed into .uv/ of this checkout."""
    for candidate in (shutil.which("uv"), str(private_uv())):
        if candidate and (uv_version(candidate) or (0,)) >= OLDEST_UV:
            return candidate
    say("Installing uv into .uv/ of this checkout")
    install_uv()
    if uv_version(str(private_uv())) is None:
        fail(
            "uv was installed into .uv/ but does not run there: install uv yourself and try again."
        )
    return str(private_uv())


def private_uv() -> Path:
    """Where the uv of this checkout is, or would be."""
    if os.name == "nt":
        return ROOT / ".uv" / "Scripts" / "uv.exe"
    return ROOT / ".uv" / "bin" / "uv"


def uv_version(uv: str) -> tuple[int, ...] | None:
    """The version of a uv, or None if it cannot be run."""
    try:
        output = subprocess.run(
            [uv, "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return None
    found = re.match(r"uv (\d+)\.(\d+)", output)
    return tuple(map(int, found.groups())) if found else None


def install_uv() -> None:
    """Install uv into .uv/: a virtual environment if Python can make one, else a plain folder."""
    home = ROOT / ".uv"
    shutil.rmtree(home, ignore_errors=True)
    made = run_quietly([sys.executable, "-m", "venv", str(home)])
    if made.returncode == 0:
        python = str(private_uv().with_name("python.exe" if os.name == "nt" else "python"))
        installed = run_quietly([python, "-m", "pip", "install", "--quiet", "uv"])
    else:
        # Some distributions ship Python without ensurepip; a pip of the system can still do it.
        shutil.rmtree(home, ignore_errors=True)
        installed = run_quietly(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(home), "uv"]
        )
    if installed.returncode != 0:
        shutil.rmtree(home, ignore_errors=True)
        reason = " ".join(installed.stderr.split())[-300:]
        fail(f"uv could not be installed: is the network there, and does Python have pip? {reason}")


def run_quietly(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


def replace_process(uv: str, arguments: list[str], folder: Path) -> NoReturn:
    """Become `uv …` in `folder`: its signals and exit code are then the user's own."""
    os.chdir(folder)
    prepare_path(uv)
    os.environ.pop("VIRTUAL_ENV", None)
    sys.stdout.flush()
    if os.name == "nt":
        sys.exit(subprocess.run([uv, *arguments], check=False).returncode)
    os.execv(uv, [uv, *arguments])


def prepare_path(uv: str) -> None:
    """Let uv be found by what it starts, and this Python by uv if there is no other."""
    here = Path(sys.executable).resolve().parent
    folders = [str(Path(uv).parent), os.environ.get("PATH", ""), str(here)]
    os.environ["PATH"] = os.pathsep.join(folders)


def say(text: str) -> None:
    """Progress, on stderr at once."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> NoReturn:
    """End with one sentence and exit code 1."""
    sys.exit(text)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)

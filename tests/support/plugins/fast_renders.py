"""Renders in a tenth of the time, by patches of internals of Jinja and Copier.

Copier renders every part of every path with all answers, also where it has no braces, and the
name of the answers file once more for each. It compiles each template again, and runs git for the
mode of every file that it writes. The renders of a test run have the same sources, so that compiled
templates are kept; and the mode only matters where git's `core.fileMode` is off, as on Windows.

`RENDER_PATCHES=off` renders without the patches, as `.ci/nightly plain` does.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from copier._main import Worker


@pytest.fixture(scope="session", autouse=True)
def fast_renders() -> Iterator[None]:
    """Patch Jinja and Copier for the session, unless RENDER_PATCHES is `off`."""
    if os.environ.get("RENDER_PATCHES") == "off":
        yield
        return
    compiled: dict[tuple[Any, ...], Any] = {}
    compile_source = jinja2.Environment.compile

    def compile_once(environment: jinja2.Environment, *source: Any) -> Any:
        # Copier gives all its environments the same settings otherwise.
        key = (environment.lexer, *environment.extensions, *source)
        if key not in compiled:
            compiled[key] = compile_source(environment, *source)
        return compiled[key]

    render_string: Callable[..., str] = vars(Worker)["_render_string"]

    def render_braces(worker: Worker, string: str, extra_context: Any = None) -> str:
        if "{" not in string and "\n" not in string:
            return string
        return render_string(worker, string, extra_context)

    def answers_relpath(worker: Worker) -> Path:
        return Path(worker.answers_file or worker.template.answers_relpath)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", compile_once)
        patch.setattr(Worker, "_render_string", render_braces)
        patch.setattr(Worker, "answers_relpath", property(answers_relpath))
        patch.setattr(Worker, "_sync_git_index_executable_bit", lambda *_: None)
        yield

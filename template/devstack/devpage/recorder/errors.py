"""Where an exception was raised, and its frames, without values of variables."""

import traceback
from pathlib import Path
from typing import Any

from devstack.devpage.recorder import privacy

ROOT = Path(__file__).absolute().parents[3]
FRAMES = 40


def described(error: BaseException) -> dict[str, Any]:
    """Return type, message, place and frames of an exception; frames of the project are `own`."""
    frames = []
    for frame in traceback.extract_tb(error.__traceback__)[-FRAMES:]:
        path = Path(frame.filename)
        own = path.is_relative_to(ROOT / "app")
        frames.append(
            {
                "place": f"{path.relative_to(ROOT) if own else _short(path)}:{frame.lineno}",
                "function": frame.name,
                "line": frame.line or "",
                "own": own,
            }
        )
    own_frames = [each for each in frames if each["own"]] or frames
    cause = error.__cause__
    return {
        "type": type(error).__qualname__,
        "message": privacy.error_message(error),
        "place": own_frames[-1]["place"] if own_frames else "",
        "cause": f"{type(cause).__qualname__}: {privacy.error_message(cause)}" if cause else "",
        "frames": frames,
    }


def _short(path: Path) -> str:
    """Return the path of a library from its package on."""
    parts = path.parts
    if "site-packages" in parts:
        parts = parts[len(parts) - parts[::-1].index("site-packages") :]
        return "/".join(parts)
    return path.name

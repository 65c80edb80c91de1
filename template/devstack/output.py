"""What a person sees: prefixed log lines, notes, and the table of addresses."""

import os
from collections.abc import Callable, Mapping
from typing import TextIO

PALETTE = (36, 32, 33, 35, 34, 96, 92, 93)
BOLD = 1
NAME_WIDTH = 8
TABLE_WIDTH = 200


class Output:
    """Writes to a terminal that may be closed at any time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._colours: dict[str, int] = {}
        self.coloured = stream.isatty() and not os.environ.get("NO_COLOR")

    def line(self, name: str, text: str) -> None:
        """Show one log line of a process."""
        colour = self._colours.setdefault(name, PALETTE[len(self._colours) % len(PALETTE)])
        self._write(f"{self._paint(name.ljust(NAME_WIDTH) + ' │', colour)} {text}\n")

    def note(self, text: str) -> None:
        """Say something on behalf of the dev stack itself."""
        self._write(f"{self._paint('dev'.ljust(NAME_WIDTH) + ' │', BOLD)} {text}\n")

    def table(self, addresses: Mapping[str, str], sign_ins: Mapping[str, tuple[str, str]]) -> None:
        """Show where everything is, and how to sign in there."""
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table = Table(box=box.ROUNDED, show_header=False, title="Running. Stop with Ctrl-C.")
        table.add_column(style="bold" if self.coloured else "")
        table.add_column()
        for label, address in addresses.items():
            table.add_row(label, address)
        if sign_ins:
            table.add_section()
        for label, (email, password) in sign_ins.items():
            table.add_row(label, f"{email}  {password}")
        # Wide enough for every address; a narrow terminal breaks lines, Rich would cut them.
        console = Console(
            file=self._stream, no_color=not self.coloured, highlight=False, width=TABLE_WIDTH
        )
        self._guarded(lambda: console.print(table))

    def _paint(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured else text

    def _write(self, text: str) -> None:
        def write() -> None:
            self._stream.write(text)
            self._stream.flush()

        self._guarded(write)

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError:
            # The terminal is gone; stopping in order matters more than telling nobody about it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

"""Terminal output: log lines with a prefix, notes, and the table of addresses."""

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
        """Write one log line of a process."""
        colour = self._colours.setdefault(name, PALETTE[len(self._colours) % len(PALETTE)])
        self._write_line(name, text, colour)

    def note(self, text: str) -> None:
        """Write a message of the dev stack itself."""
        self._write_line("dev", text, BOLD)

    def table(self, addresses: Mapping[str, str], sign_ins: Mapping[str, tuple[str, str]]) -> None:
        """Write the addresses and the names and passwords to sign in with."""
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
        # A fixed width: Rich would cut addresses in a narrow terminal, which itself wraps lines.
        console = Console(
            file=self._stream, no_color=not self.coloured, highlight=False, width=TABLE_WIDTH
        )
        self._ignore_closed(lambda: console.print(table))

    def _write_line(self, name: str, text: str, colour: int) -> None:
        prefix = f"{name.ljust(NAME_WIDTH)} │"
        if self.coloured:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"

        def write() -> None:
            self._stream.write(f"{prefix} {text}\n")
            self._stream.flush()

        self._ignore_closed(write)

    def _ignore_closed(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError:
            # The terminal was closed. The stack must still stop its processes in order.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

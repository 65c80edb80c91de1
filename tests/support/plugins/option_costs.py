"""What each option costs in a run: the terminal shows a table at the end.

A test adds seconds to an option by the property `option NAME`. The renders of one option count by
their names: `only-NAME` and `without-NAME`.
"""

import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

import pytest

PROPERTY = "option "
RENDER = re.compile(r"\[(?:only|without)-(\w+)[\]@]")


def seconds_by_folder(report: Path) -> dict[str, float]:
    """Seconds of the tests of each folder two below `tests`, from a JUnit report of pytest."""
    found: defaultdict[str, float] = defaultdict(float)
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  this run has written it
        folder = "/".join(case.attrib["classname"].split(".")[:3])
        found[folder] += float(case.attrib["time"])
    return found


class OptionReport:
    """Collects the seconds of each option, of all workers, and shows them."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.tests: defaultdict[str, float] = defaultdict(float)
        self.renders: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the seconds of one phase of a test."""
        if match := RENDER.search(report.nodeid):
            self.renders[match[1]] += report.duration
        if report.when == "call":
            for name, seconds in report.user_properties:
                if name.startswith(PROPERTY):
                    self.tests[name.removeprefix(PROPERTY)] += float(str(seconds))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table; an option may add at most a minute to the run."""
        options = sorted(self.tests.keys() | self.renders.keys())
        if options:
            terminalreporter.section("options")
        processes = self.config.getoption("numprocesses", None) or 1
        for name in options:
            tests, renders = self.tests[name], self.renders[name]
            terminalreporter.write_line(
                f"{name:<20} {tests:5.0f} s in tests of its own, {renders:4.0f} s in renders: "
                f"{(tests + renders) / processes:4.0f} s of the run"
            )


def pytest_configure(config: pytest.Config) -> None:
    """Only the process with a terminal reports."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(OptionReport(config), "option-report")

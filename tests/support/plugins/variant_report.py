"""A report in the terminal: each step of a variant when it ends, and tables of times at the end.

A test belongs to a variant if it records the property `variant`. The report names the folder of a
variant that failed, which is kept.
"""

from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest

FOLDERS = pytest.StashKey[dict[str, str]]()
FAILED = pytest.StashKey[set[str]]()


@dataclass
class Progress:
    """Times and failures of one variant."""

    seconds: float = 0
    tests: int = 0
    failed: list[str] = field(default_factory=list)
    folder: str = ""


class VariantReport:
    """Collects the reports of all workers and writes them to the terminal."""

    def __init__(self, config: pytest.Config) -> None:
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        assert isinstance(terminal, pytest.TerminalReporter)
        self.terminal = terminal
        self.variants: dict[str, Progress] = defaultdict(Progress)
        self.tiers: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a setup, call or teardown, and write a line for the step of a variant."""
        tier = report.nodeid.partition("::")[0].split("/")
        self.tiers[tier[1] if len(tier) > 2 else "repository"] += report.duration
        properties = dict(report.user_properties)
        name = properties.get("variant")
        if not name:
            return
        progress = self.variants[str(name)]
        progress.seconds += report.duration
        progress.folder = str(properties.get("folder", ""))
        step = report.nodeid.rpartition("::")[2].partition("[")[0].removeprefix("test_")
        if report.failed:
            progress.failed.append(step)
        if report.when == "call" or report.failed:
            progress.tests += 1
            outcome = "failed" if report.failed else report.outcome
            self.terminal.ensure_newline()
            self.terminal.write_line(f"{name}: {step} {outcome} after {report.duration:.0f} s")

    def pytest_terminal_summary(self) -> None:
        """Write the table of variants, then the time of each tier."""
        if self.variants:
            self.terminal.section("variants")
        for name, progress in sorted(self.variants.items()):
            line = f"{name:<34} {progress.seconds:5.0f} s  {progress.tests:3} steps"
            if progress.failed:
                line += f"  FAILED: {', '.join(progress.failed)}; kept in {progress.folder}"
            self.terminal.write_line(line)
        if self.tiers:
            self.terminal.section("tiers")
        for tier, seconds in sorted(self.tiers.items()):
            self.terminal.write_line(f"{tier:<34} {seconds:5.0f} s")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the report in the process that has the terminal."""
    config.stash[FOLDERS] = {}
    config.stash[FAILED] = set()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(VariantReport(config), "variant-report")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the variant's name and folder to the report, which workers send to the main process."""
    report = yield
    name = dict(item.user_properties).get("variant")
    if name:
        folder = item.config.stash[FOLDERS].get(str(name), "")
        report.user_properties = [*item.user_properties, ("folder", folder)]
        if report.failed:
            item.config.stash[FAILED].add(str(name))
    return report

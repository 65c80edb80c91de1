"""The question `deploy`: each platform has files of its own, and a project has those of one."""

from pathlib import Path

import pytest

from scripts import matrix
from scripts.matrix import questions
from support.checks.files import file_faults
from support.commands import run
from support.editing import append
from support.platforms import WORDS, files_of
from support.plugins.platform_renders import VERSION
from support.rendering import Render, render, tree
from support.snapshot import commit
from support.updates import conflicts, update


def words_in(project: Path) -> dict[str, set[str]]:
    """The files with words of each platform."""
    texts = {
        name: f"{name}\n{content.decode('utf-8')}".lower()
        for name, content in tree(project).items()
        if name != ".copier-answers.yml"
    }
    return {
        platform: {name for name, text in texts.items() for word in words if word in text}
        for platform, words in WORDS.items()
    }


def test_every_platform_is_tested() -> None:
    assert matrix.choices(questions()["deploy"]) == ["none", "vm", *WORDS]


def test_none_is_the_default(render_platform: Render) -> None:
    none, default = (render_platform(**each) for each in ({"deploy": "none"}, {}))
    assert tree(none) == tree(default)


@pytest.mark.parametrize("preset", ["minimal", "everything"])
@pytest.mark.parametrize("platform", WORDS)
def test_only_the_files_of_the_chosen_platform_are_rendered(
    platform: str, preset: str, render_platform: Render
) -> None:
    project = render_platform(preset=preset, deploy=platform)
    added = tree(project).keys() - tree(render_platform(preset=preset)).keys()
    assert added == files_of(platform, flower=preset == "everything")
    assert [fault for fault in file_faults(project) if fault.startswith(tuple(added))] == []
    found = words_in(project)
    assert "docs/deploy.md" in found[platform]
    assert found.pop(platform) <= {*added, "docs/deploy.md"}
    assert not any(found.values())


def test_no_word_of_a_platform_is_in_other_projects(render: Render) -> None:
    assert not any(words_in(render(preset="everything")).values())


def test_an_update_replaces_the_files_of_a_platform(without_code: Path, tmp_path: Path) -> None:
    project = render(without_code, tmp_path / "shop", {"deploy": "fly"}, ref=VERSION)
    run(["git", "init", "--quiet"], project)
    commit(project, "Start")
    before = tree(project).keys()
    update(project, VERSION, deploy="kubernetes")
    commit(project, "Kubernetes")
    after = tree(project).keys()
    assert (before - after, after - before) == (
        {"fly.toml"},
        files_of("kubernetes", flower=False),
    )
    append(project / "README.md", "\nOurs.\n")
    append(project / "kubernetes/production/kustomization.yaml", "# Ours.\n")
    commit(project, "Edited")
    update(project, VERSION, deploy="none")
    assert conflicts(project) == []
    assert tree(project).keys() == before - {"fly.toml"}

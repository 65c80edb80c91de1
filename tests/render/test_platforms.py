"""The question `deploy`: each platform has files of its own, and a project has those of one."""

from scripts import matrix
from scripts.matrix import questions
from support.rendering import Render, tree

CHOICES = ["none", "vm", "fly", "render", "railway", "cloud-run", "kubernetes"]


def test_every_platform_is_tested() -> None:
    assert matrix.choices(questions()["deploy"]) == CHOICES


def test_none_is_the_default(render: Render) -> None:
    assert tree(render(preset="everything", deploy="none")) == tree(render(preset="everything"))

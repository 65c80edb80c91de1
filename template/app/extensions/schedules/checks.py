"""A check for `app doctor`: the code may have changed since a schedule was added at run time."""

from app.core.cli.errors import CliError
from app.core.errors import InvalidError
from app.extensions.schedules import service


def schedules() -> str:
    """Try each schedule with its task. Return how many there are.

    Raises:
        CliError: a schedule cannot start its task.
    """
    found = service.list_schedules()
    for each in found:
        try:
            service.call_of(each.name)
        except InvalidError as error:
            raise CliError(
                f"The schedule {each.name} is wrong: {error} Remove it and add it again."
            ) from error
    return f"{len(found)} in Redis, all can start"


CHECKS = {"schedules": schedules}

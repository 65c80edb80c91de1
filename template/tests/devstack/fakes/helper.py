from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    return Process(
        name="helper",
        command=[stack.python, "-S", f"{stack.root}/app/helper.py"],
        order=15,
        restart=True,
    )

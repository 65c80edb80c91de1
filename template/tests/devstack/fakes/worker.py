from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    return Process(
        name="worker",
        command=[stack.python, "-S", f"{stack.root}/app/worker.py"],
        order=20,
        reload=True,
    )

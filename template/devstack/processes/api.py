"""The HTTP API."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    """Run the API with uvicorn."""
    # Restarted by the runner, as all others are, not by uvicorn's own reloader: so a start that
    # fails ends the process and is seen. An open browser connection must not hold that up.
    options = f"--fd {stack.api_socket.fileno()} --timeout-graceful-shutdown 3"
    return Process(
        name="api",
        command=[stack.python, "-m", "uvicorn", "app.main:app", *options.split()],
        order=10,
        watch=("app",),
        sockets=(stack.api_socket,),
        addresses={
            "API": stack.api_url,
            "Docs": f"{stack.api_url}/docs",
            "Scalar": f"{stack.api_url}/scalar",
        },
    )

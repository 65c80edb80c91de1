"""The HTTP API."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    """Return how to run the API with uvicorn."""
    # The runner restarts the API, not uvicorn's reloader: a start that fails then ends the process
    # and is noticed. The timeout is for open connections of browsers, which would delay a restart.
    options = f"--fd {stack.api_socket.fileno()} --timeout-graceful-shutdown 3"
    return Process(
        name="api",
        command=[stack.python, "-m", "uvicorn", "app.main:app", *options.split()],
        order=10,
        reload=True,
        sockets=(stack.api_socket,),
        addresses={
            "API": stack.site_url,
            "Docs": f"{stack.site_url}/docs",
            "Scalar": f"{stack.site_url}/scalar",
        },
    )

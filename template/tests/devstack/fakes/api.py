from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    return Process(
        name="api",
        command=[stack.python, "-S", f"{stack.root}/app/api.py", str(stack.api_socket.fileno())],
        order=10,
        reload=True,
        sockets=(stack.api_socket,),
        addresses={"API": stack.api_url},
    )

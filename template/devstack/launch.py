"""Prepares a child process, and then replaces itself by its program.

Runs as `python -I -S launch.py PARENT SIGNAL IDENTITY PROGRAM [ARGUMENT...]`.
It is a separate program and no `preexec_fn`, because children are also started from threads, where
Python code between fork and exec can deadlock.

PARENT    pid of the process that starts the child.
SIGNAL    signal that the kernel sends to the child when the parent dies (Linux only).
IDENTITY  `same`, `namespace` (root appears as uid 1000) or `nobody`: PostgreSQL refuses root.
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1

CANNOT_CHANGE_IDENTITY = 125
CANNOT_START = 126


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def write(path: str, text: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - starts faster without pathlib
        file.write(text)


def enter_user_namespace() -> None:
    """Appear as uid 1000, while files still belong to root; no account is created."""
    uid, gid = os.geteuid(), os.getegid()
    if libc().unshare(CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    # The kernel accepts a gid map only after setgroups was denied.
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"1000 {uid} 1")
    write("/proc/self/gid_map", f"1000 {gid} 1")


def become_nobody() -> None:
    """Become the user `nobody`, who must be able to read the programs."""
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def main(arguments: list[str]) -> int:
    """Prepare this process and become the program; returns only on failure."""
    parent, signal, identity, *command = arguments
    try:
        if identity == "namespace":
            enter_user_namespace()
        elif identity == "nobody":
            become_nobody()
    except (OSError, KeyError) as error:
        print(f"cannot run as {identity}: {error}", file=sys.stderr)
        return CANNOT_CHANGE_IDENTITY
    if sys.platform == "linux":
        # A change of identity would clear this setting, so it comes after it.
        libc().prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0)
    if os.getppid() != int(parent):
        return 0  # The parent died before the line above took effect.
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        return CANNOT_START


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The last steps of a child process before its program starts.

Runs as `python -I -S launch.py PARENT SIGNAL IDENTITY PROGRAM [ARGUMENT...]` and becomes PROGRAM.
A small program of its own, not a `preexec_fn`: children are also started from threads, where
running Python between fork and exec can deadlock.

PARENT    pid of the process that starts the child.
SIGNAL    what the kernel sends the child when that process dies (Linux only).
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
    """Load the C library."""
    return ctypes.CDLL(None, use_errno=True)


def write(path: str, text: str) -> None:
    """Write a file of the kernel."""
    with open(path, "w") as file:  # noqa: PTH123 - starts faster without pathlib
        file.write(text)


def enter_user_namespace() -> None:
    """Appear as uid 1000 while files stay those of root: no account is made, no owner changed."""
    uid, gid = os.geteuid(), os.getegid()
    if libc().unshare(CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    # The kernel takes a gid map only after setgroups was given up.
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"1000 {uid} 1")
    write("/proc/self/gid_map", f"1000 {gid} 1")


def become_nobody() -> None:
    """Become the user without rights; the programs must be readable for it."""
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def main(arguments: list[str]) -> int:
    """Prepare this process and become the program; returns only if that fails."""
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
        # After the change of identity, which clears it.
        libc().prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0)
    if os.getppid() != int(parent):
        return 0  # The parent died before the line above could take effect.
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        return CANNOT_START


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Runs a service, PostgreSQL or Redis, so that it cannot outlive fedproof. Started by harness/deployment/src/lifeline.rs:

    python -c THIS STATE_FILE UID GID PROGRAM [ARGUMENT]...

Standard input is the life line: when it closes, whoever started the service is gone, and the service is shut down on
the spot. A root that starts it becomes UID and GID first, since PostgreSQL refuses root; -1 keeps it. What it prints goes to
standard error.
"""

import json
import os
import select
import signal
import sys

# How long a shutdown may take, in milliseconds; PostgreSQL kills what does not obey after 5 s itself.
QUIT_LIMIT_MS = 8000


def write_state(path, program):
    """Says who is running, in terms that tell a recycled process id from the original. Written whole or not at all."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
        start_time = int(file.read().rpartition(")")[2].split()[19])
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump({"pid": os.getpid(), "start_time": start_time, "argv0": program}, file)
    os.replace(temporary, path)


def watch(server, null):
    """Forks the watchdog, twice: PostgreSQL would wonder at a child that it has not started."""
    if first := os.fork():
        os.waitpid(first, 0)
        return
    if os.fork():
        os._exit(0)
    try:
        os.setsid()  # what is sent to the server's process group must not reach the watchdog
        os.dup2(null, 1)
        os.dup2(null, 2)
        poll = select.poll()
        poll.register(0, 0)  # an empty mask: nothing but the hang-up, which is always reported
        poll.register(server, select.POLLIN)  # readable once the server has ended
        poll.poll()
        # PostgreSQL passes this on to its children and removes its shared memory; Redis just ends.
        for kind in (signal.SIGQUIT, signal.SIGCONT):
            signal.pidfd_send_signal(server, kind)
        poll.unregister(0)
        if not poll.poll(QUIT_LIMIT_MS):
            signal.pidfd_send_signal(server, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended
    finally:
        os._exit(0)


def main(state, uid, gid, *command):
    write_state(state, os.path.basename(command[0]))
    if os.geteuid() == 0 and int(uid) >= 0:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    server = os.pidfd_open(os.getpid())
    null = os.open(os.devnull, os.O_RDWR)
    watch(server, null)
    os.dup2(null, 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # ignored where a shell runs fedproof in the background
    os.execv(command[0], command)


main(*sys.argv[1:])

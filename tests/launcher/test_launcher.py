"""Tests of the Synapse launcher against a stand-in for Synapse.

    python3 -m unittest discover -s tests/launcher

Needs Linux, Python 3.9 and nothing else. That the mutants hold on to a real Synapse is checked, for each version, by
`PYTHON_OF_THAT_VERSION fixtures/homeservers/synapse/launcher.py --check-mutants fixtures/mutants/synapse.yaml`.
"""

import contextlib
import importlib.util
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

LAUNCHER = pathlib.Path(__file__).parents[2] / "fixtures/homeservers/synapse/launcher.py"
PATIENCE = 20  # seconds; a bound for what takes milliseconds on an idle machine

STAND_IN = """
    import os, signal, sys
    import mutants_hooks as hooks

    def tell(*_):
        print({m.id: bool(m.switched("d.example", ["!r"])) for m in hooks.attached}, flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    signal.signal(signal.SIGUSR1, tell)
    print("serving", sys.argv[1:], os.read(0, 1), flush=True)
    while True:
        signal.pause()
"""
HOOKS = """
    attached = []
    class NotApplicable(Exception): pass
    def good(mutant, word): attached.append(mutant)
    def old(mutant): raise NotApplicable("too old")
    def lost(mutant): raise LookupError("gone")
    HOOKS = {"good": good, "old": old, "lost": lost}
"""
MUTANTS = [
    {"id": "one", "hook": "good", "with": {"word": "x"}},
    {"id": "two", "hook": "good", "with": {"word": "y"}},
    {"id": "old", "hook": "old"},
    {"id": "lost", "hook": "lost"},
    {"id": "misspelt", "hook": "godo"},
]
# A parent that leaves no time to say goodbye: starts the launcher, stops it if told to, and tells its process id.
PARENT = """
    import os, signal, subprocess, sys
    pipe = subprocess.PIPE
    server = subprocess.Popen(sys.argv[2:], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    line = server.stderr.readline()
    while "serving" not in line:
        line = server.stderr.readline()
    if sys.argv[1] == "stop":
        os.kill(server.pid, signal.SIGSTOP)
        os.waitpid(server.pid, os.WUNTRACED)
    print(server.pid, flush=True)
    signal.pause()
"""


def children_of(pid):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
            if int(file.read().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry))
    return found


class End:
    """Waits for the end of a process that need not be a child of ours."""

    def __init__(self, pid):
        self._descriptor = os.pidfd_open(pid)

    def wait(self):
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        ended = bool(poll.poll(PATIENCE * 1000))
        os.close(self._descriptor)
        return ended


class LauncherTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.state = self.folder / "state.json"
        self.write("stand_in.py", STAND_IN)
        self.write("synapse/__init__.py", "")
        self.write("synapse/app/__init__.py", "")
        self.write("synapse/app/homeserver.py", STAND_IN)
        self.write("mutants_hooks.py", HOOKS)
        self.write("mutants.yaml", json.dumps(MUTANTS))
        self.write("yaml.py", "from json import load as safe_load")  # YAML enough for the file above
        self.write("matrix_synapse-1.2.3.dist-info/METADATA", "Name: matrix-synapse\nVersion: 1.2.3\n")
        self.environment = dict(os.environ, PYTHONPATH=folder.name, PYTHONDONTWRITEBYTECODE="1")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def command(self, *arguments):
        own = ["--state", str(self.state), "--mutants", str(self.folder / "mutants.yaml")]
        return [sys.executable, str(LAUNCHER), *own, "--", *arguments]

    def start(self, *arguments):
        """Starts the launcher and waits until the stand-in serves. `self.greeting` is what it printed then."""
        pipe = subprocess.PIPE
        server = subprocess.Popen(
            self.command(*(arguments or ["stand_in"])),
            stdin=pipe, stdout=pipe, stderr=pipe, env=self.environment, text=True, start_new_session=True,
        )  # fmt: skip
        self.addCleanup(server.__exit__, None, None, None)  # closes the pipes, and waits
        self.addCleanup(server.kill)
        self.early = []
        for line in server.stderr:
            if line.startswith("serving"):
                self.greeting = line.strip()
                return server
            self.early.append(line)
        self.fail("it did not start: " + "".join(self.early))

    def ask(self, server, line):
        server.stdin.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())

    def effect(self, server):
        server.send_signal(signal.SIGUSR1)
        return server.stderr.readline().strip()

    # Starting

    def test_runs_the_named_module_with_its_arguments_and_without_the_pipes(self):
        self.start("stand_in", "-c", "file", "--", "more")
        self.assertEqual(self.greeting, "serving ['-c', 'file', '--', 'more'] b''")

    def test_runs_synapse_unless_told_otherwise(self):
        self.start("--config-path", "file")
        self.assertEqual(self.greeting, "serving ['--config-path', 'file'] b''")

    def test_state_file_identifies_the_process(self):
        server = self.start()
        stat = pathlib.Path(f"/proc/{server.pid}/stat").read_text()
        expected = {"pid": server.pid, "start_time": int(stat.rpartition(")")[2].split()[19]), "argv0": sys.executable}
        self.assertEqual(json.loads(self.state.read_text()), expected)
        self.assertEqual([p.name for p in self.folder.glob("*.tmp")], [])

    def test_passes_on_the_exit_code_and_takes_the_watchdog_along(self):
        server = self.start()
        ends = [End(pid) for pid in children_of(server.pid)]
        server.terminate()
        self.assertEqual(server.wait(PATIENCE), 7)
        self.assertEqual([end.wait() for end in ends], [True])

    # Ending

    def test_end_of_the_pipe_kills_at_once(self):
        server = self.start()
        ends = [End(pid) for pid in children_of(server.pid)]
        server.stdin.close()
        self.assertEqual(server.wait(PATIENCE), -signal.SIGKILL)
        self.assertEqual([end.wait() for end in ends], [True])

    def test_end_of_the_pipe_kills_a_server_whose_process_group_is_stopped(self):
        server = self.start()
        os.killpg(server.pid, signal.SIGSTOP)
        os.waitpid(server.pid, os.WUNTRACED)
        server.stdin.close()
        self.assertEqual(server.wait(PATIENCE), -signal.SIGKILL)

    def test_end_of_the_pipe_kills_a_server_that_lost_its_watchdog(self):
        server = self.start()
        (watchdog,) = children_of(server.pid)
        end = End(watchdog)
        os.kill(watchdog, signal.SIGKILL)
        self.assertTrue(end.wait())
        server.stdin.close()
        self.assertEqual(server.wait(PATIENCE), -signal.SIGKILL)

    def test_does_not_survive_a_killed_parent(self):
        self.outlive_parent("run")

    def test_does_not_survive_a_killed_parent_while_stopped(self):
        self.outlive_parent("stop")

    def outlive_parent(self, how):
        arguments = [sys.executable, "-c", textwrap.dedent(PARENT), how, *self.command("stand_in")]
        parent = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=self.environment, text=True)
        self.addCleanup(parent.__exit__, None, None, None)
        self.addCleanup(parent.kill)
        pid = int(parent.stdout.readline())
        ends = [End(p) for p in [pid, *children_of(pid)]]
        parent.kill()
        self.assertEqual([end.wait() for end in ends], [True, True])

    # Mutants

    def test_switches_by_origin_and_room(self):
        server = self.start()
        self.assertEqual(self.effect(server), "{'one': False, 'two': False}")
        self.assertEqual(self.ask(server, {"id": 1, "mutate": {"mutant": "one"}}), {"id": 1, "ok": True})
        self.assertEqual(self.effect(server), "{'one': True, 'two': False}")
        elsewhere = {"mutant": "two", "origin": "d.example", "room": "!other"}
        self.assertTrue(self.ask(server, {"id": 2, "mutate": elsewhere})["ok"])
        self.assertEqual(self.effect(server), "{'one': True, 'two': False}")
        here = {"mutant": "two", "origin": "?.EXAMPLE", "room": "!r"}
        self.assertTrue(self.ask(server, {"id": 3, "mutate": here})["ok"])
        self.assertEqual(self.effect(server), "{'one': True, 'two': True}")
        self.assertTrue(self.ask(server, {"id": 4, "heal": elsewhere})["ok"])
        self.assertEqual(self.effect(server), "{'one': True, 'two': True}")
        self.assertTrue(self.ask(server, {"id": 5, "heal": here})["ok"])
        self.assertTrue(self.ask(server, {"id": "six", "heal": {"mutant": "one"}})["ok"])
        self.assertEqual(self.effect(server), "{'one': False, 'two': False}")

    def test_refuses_what_it_cannot_do_and_goes_on(self):
        server = self.start()
        for line, why in (
            ("nonsense", "Expecting value"),
            ("[]", "a command is an object"),
            ('{"id": 1}', "expected one of"),
            ('{"id": 1, "mutate": 3}', "takes an object"),
            ('{"id": 1, "mutate": {"mutant": "one", "room": 3}}', "takes an object"),
            ('{"id": 1, "mutate": {"mutant": "one", "orgin": "x"}}', "has no orgin"),
            ('{"id": 1, "mutate": {"mutant": "none"}}', "there is no mutant 'none'"),
            ('{"id": 1, "mutate": {}}', "there is no mutant None"),
            ('{"id": 1, "mutate": {"mutant": "old"}}', "old is not applicable: too old"),
            ('{"id": 1, "mutate": {"mutant": "lost"}}', "lost is unattached: LookupError: gone"),
            ('{"id": 1, "mutate": {"mutant": "misspelt"}}', "there is no hook 'godo'"),
        ):
            with self.subTest(line):
                answer = self.ask(server, line)
                self.assertEqual((answer["id"], answer["ok"]), (1 if "id" in line else None, False))
                self.assertIn(why, answer["error"])
        self.assertTrue(self.ask(server, {"id": 2, "mutate": {"mutant": "one"}})["ok"])

    def test_says_which_mutants_find_no_hold_but_starts(self):
        self.start()
        self.assertEqual(len(self.early), 2)
        self.assertIn("mutant lost finds no hold: LookupError: gone", self.early[0])
        self.assertIn("mutant misspelt finds no hold", self.early[1])

    def test_check_reports_every_mutant(self):
        checked = subprocess.run(
            [sys.executable, str(LAUNCHER), "--check-mutants", str(self.folder / "mutants.yaml")],
            stdout=subprocess.PIPE, env=self.environment, check=False,
        )  # fmt: skip
        report = json.loads(checked.stdout)
        self.assertEqual((checked.returncode, report["synapse"]), (1, "1.2.3"))
        status = [(mutant["id"], mutant["status"]) for mutant in report["mutants"]]
        expected = ["attached", "attached", "not_applicable", "unattached", "unattached"]
        self.assertEqual(status, list(zip(["one", "two", "old", "lost", "misspelt"], expected)))


class SwitchTest(unittest.TestCase):
    def test_origin_is_a_glob_in_which_only_star_and_question_mark_are_special(self):
        spec = importlib.util.spec_from_file_location("launcher", LAUNCHER)
        launcher = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(launcher)
        for glob, name, covered in (
            (None, "d.example", True),
            ("*", "d.example", True),
            ("*.x.example", "d.X.example", True),
            ("*.x.example", "d.x.example.org", False),
            ("*.x.example", "x.example", False),
            ("d?.example", "d1.example", True),
            ("d?.example", "d.example", False),
            ("d.example", "dxexample", False),
            ("[::1]", "[::1]", True),
            ("[ab].example", "a.example", False),
        ):
            with self.subTest(f"{glob} {name}"):
                self.assertEqual(launcher.Switch(glob, None).covers(name, ["!r"]), covered)


if __name__ == "__main__":
    unittest.main()

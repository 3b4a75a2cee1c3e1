#!/usr/bin/env python3
"""The whole-screen view, in a pseudo-terminal: it draws the phases, gives the screen back however the run
ends, takes the key q for an end in good order, and refuses what is no terminal. tui.py CICADA"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

from cicada_support import Cicada, expect, run_tests

LOAD = ["null://?latency=2ms&operations=3", "--no-tiers", "--ui", "tui"]
GIVEN_BACK = b"\x1b[?1049l"


class Screen:
    """A child with a terminal of its own as its three streams."""

    def __init__(self, arguments, rows=30, columns=100):
        self.seen = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            os.execv(arguments[0], arguments)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, words, bound_s=60):
        end = time.monotonic() + bound_s
        while words is None or words not in self.seen:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            try:
                read = os.read(self.terminal, 65536) if ready else b""
            except OSError:  # the other side is closed
                read = b""
            if not read:
                break
            self.seen += read
        if words is not None:
            expect(words in self.seen, f"{words} never came; the last was {self.seen[-600:]}")

    def end(self):
        self.read_until(None)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


def start(cicada, *more):
    return Screen([cicada.program, "run", *LOAD, "--json", cicada.result_path(), *more])


def draws_and_gives_back(cicada):
    screen = start(cicada, "--users", "4", "--duration", "3s")
    code = screen.end()
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", screen.seen)
    expect(code == 0, f"exit {code}\n{text[-1500:]}")
    for words in (b"cicada", b"elapsed", b"users", b"rate", b"p99", b"in flight", b"slowest of the last"):
        expect(words in text, f"the screen has no {words}")
    expect("\u2588".encode() in screen.seen, "no sparkline was drawn")
    expect(GIVEN_BACK in screen.seen, "the screen was not given back")
    expect(b"Passed" in screen.seen[screen.seen.rindex(GIVEN_BACK) :], "the summary is not below it")


def slowest_operations_stand_there(cicada):
    """By name; the whole table fits."""
    plan = os.path.join(cicada.folder.name, "top.yaml")
    with open(plan, "w", encoding="utf-8") as file:
        file.write('target: "null://?latency=2ms&operations=3&error_rate=0.2"\nusers: 4\nduration: 3s\n')
    screen = Screen([cicada.program, "run", plan, "--ui", "tui", "--json", cicada.result_path()])
    screen.end()
    expect(GIVEN_BACK in screen.seen, screen.seen[-600:])
    seen = screen.seen[: screen.seen.rindex(GIVEN_BACK)]  # the summary below names operations too
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", seen)
    for name in (b"op0", b"op1", b"op2"):
        expect(name in text, f"{name} is not among the operations\n{text[-1500:]}")


def q_ends_in_good_order(cicada):
    screen = start(cicada, "--users", "4", "--duration", "50s")
    screen.read_until(b"in flight")
    os.write(screen.terminal, b"q")
    code = screen.end()
    expect(code == 130, f"exit {code}")
    expect(GIVEN_BACK in screen.seen, "the screen was not given back")


def a_second_signal_gives_it_back(cicada):
    screen = start(cicada, "--users", "4", "--duration", "50s", "--timeout", "40s")
    screen.read_until(b"in flight")
    for _ in range(2):
        os.kill(screen.pid, signal.SIGINT)
    code = screen.end()
    expect(code == 130, f"exit {code}")
    expect(GIVEN_BACK in screen.seen, "the screen was not given back")


def names_do_not_reach_the_terminal_raw(cicada):
    """A plan's name with an escape in it is somebody else's text."""
    path = os.path.join(cicada.folder.name, "evil.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write('name: "x\\e]0;owned\\a"\ntarget: "null://?latency=2ms"\nusers: 2\nduration: 2s\n')
    screen = Screen([cicada.program, "run", path, "--ui", "tui", "--json", cicada.result_path()])
    screen.end()
    expect(b"\x1b]0;owned" not in screen.seen, "an escape of the plan reached the terminal")


def small_windows_do_not_matter(cicada):
    arguments = [cicada.program, "run", *LOAD, "--json", cicada.result_path(), "--users", "2", "--duration", "2s"]
    code = Screen(arguments, rows=5, columns=20).end()
    expect(code == 0, f"exit {code}")


def no_terminal_is_refused(cicada):
    code, _, errors = cicada.command("run", *LOAD, "--users", "1", "--duration", "1s")
    expect(code == 2 and "no terminal" in errors, f"exit {code}\n{errors}")


def main():
    def case(function):
        return (function.__name__, lambda: function(Cicada(sys.argv[1])))

    cases = [draws_and_gives_back, slowest_operations_stand_there, q_ends_in_good_order, a_second_signal_gives_it_back,
             names_do_not_reach_the_terminal_raw, small_windows_do_not_matter, no_terminal_is_refused]
    return run_tests([case(function) for function in cases], parallel=1)


if __name__ == "__main__":
    sys.exit(main())

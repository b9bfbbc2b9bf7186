"""The prompt, as a user at a terminal meets it: a pseudo-terminal, keys in, screen out."""

import os
import pty
import re
import select
import signal
import time

from harness import *

ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")
UP, LEFT, HOME = "\x1b[A", "\x1b[D", "\x1b[H"


class Terminal:
    """A prompt in a terminal of its own, with its home in a folder."""

    def __init__(self, frazil, folder, *options, terminal="xterm"):
        self.text = ""
        environment = {**os.environ, "HOME": str(folder), "TERM": terminal}
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(frazil.binary, [frazil.binary, "--warehouse", str(frazil.warehouse), *options], environment)
        self.expect("frazil> ")

    def type(self, keys):
        os.write(self.screen, keys.encode())

    def expect(self, wanted, seconds=20):
        """Waits until a text shows; returns what showed up to it, and forgets it."""
        end = time.monotonic() + seconds
        while wanted not in self.text:
            ready, _, _ = select.select([self.screen], [], [], max(0, end - time.monotonic()))
            try:
                data = os.read(self.screen, 65536) if ready else b""
            except OSError:  # the other side is gone
                data = b""
            if not data:
                raise Failure(f"{wanted!r} did not show; the screen has\n{self.text}")
            self.text += ESCAPES.sub("", data.decode(errors="replace"))
        shown, self.text = self.text.split(wanted, 1)
        return shown

    def end(self):
        """Waits for the process; its exit code."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.screen)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise Failure(f"the prompt did not end; the screen has\n{self.text}")


@check
def statements_over_several_lines(frazil, folder):
    terminal = Terminal(frazil, folder, "--format", "csv")
    terminal.type("SELECT 'a;b' AS x,\n")
    terminal.expect("     -> ")
    terminal.type("-- a comment; with a semicolon\n1 AS y;\n")
    terminal.expect('"x","y"\n"a;b","1"\n')
    terminal.expect("frazil> ")
    # A failed statement leaves the prompt.
    terminal.type("SELEC 1;\n")
    terminal.expect("did you mean 'SELECT'?")
    terminal.expect("frazil> ")
    terminal.type("CREATE DATABASE d; USE d;\n")
    terminal.expect("CREATE SCHEMA\n")
    terminal.expect("frazil> ")
    terminal.type("\x04")
    equal(terminal.end(), 0, "exit code after Ctrl-D")


@check
def editing_and_history(frazil, folder):
    terminal = Terminal(frazil, folder, "--format", "csv")
    terminal.type("SELECT 12 AS a;" + LEFT * 6 + "\x7f3" + "\n")  # the 2 becomes a 3
    terminal.expect('"a"\n"13"\n')
    terminal.expect("frazil> ")
    terminal.type("garbage\x15SELECT 'é日本' AS b;" + HOME + "\x0b\x19\n")  # Ctrl-U, Ctrl-K, Ctrl-Y
    terminal.expect('"b"\n"é日本"\n')
    terminal.expect("frazil> ")
    terminal.type(UP + UP + "\n")
    terminal.expect('"a"\n"13"\n')
    terminal.expect("frazil> ")
    terminal.type("\x12é日\n")  # Ctrl-R
    terminal.expect('"b"\n"é日本"\n')
    terminal.expect("frazil> ")
    terminal.type("exit\n")
    equal(terminal.end(), 0, "exit code")
    # Another session goes on with the same history, which nobody else may read.
    equal(os.stat(folder / ".frazil_history").st_mode & 0o777, 0o600, "mode of the history")
    again = Terminal(frazil, folder, "--format", "csv")
    again.type(UP + UP + UP + "\n")
    again.expect('"a"\n"13"\n')
    again.type("\\q\n")
    equal(again.end(), 0, "exit code")


@check
def commands_of_psql_and_duckdb(frazil, folder):
    (folder / "script.sql").write_text("SELECT 'from a file' AS x;")
    frazil.run("CREATE VIEW my_view AS SELECT 1 AS first_column")
    terminal = Terminal(frazil, folder)
    for command, shown in [
        ("\\dt", "my_view"), (".tables", "my_view"), ("\\d my_view", "first_column"), (".schema my_view", "first_column"), ("\\l", "default"),
        ("\\dv", "my_view"), (".mode csv", ""), (".read script.sql", '"from a file"'), ("\\i none.sql", "cannot read none.sql"),
        (".timer on", "timing is on"), (".help", "Ctrl-R"), (".nonsense", "unknown command .nonsense"), (".mode xml", "table, csv, json"),
        (".output out.csv", ""), ("SELECT 5 AS five;", "time: "), (".output", ""),
    ]:
        terminal.type(command + "\n")
        if shown:
            terminal.expect(shown)
        terminal.expect("frazil> ")
    equal((folder / "out.csv").read_text(), '"five"\n"5"\n', "results that went to a file")
    terminal.type("SELECT first_c\x03")  # Ctrl-C drops the line
    terminal.expect("^C\n")
    terminal.type("sel\t 7 as seven from my_v\t;\n")
    terminal.expect('"seven"\n"7"\n')
    terminal.type("quit;\n")
    equal(terminal.end(), 0, "exit code")


@check
def results_stay_out_of_what_an_overlay_keeps(frazil, folder):
    terminal = Terminal(frazil, folder, "--overlay", "ov", "--format", "csv")
    for command, shown in [
        (f".output {frazil.warehouse}/x.csv", "choose another place"), ("SELECT 1 AS a;", '"a"\n"1"\n'), (".output none/x.csv", "cannot write none/x.csv"),
        (".output out.csv", ""), ("SELECT 2 AS a;", ""), (".output", "")]:
        terminal.type(command + "\n")
        if shown:
            terminal.expect(shown)
        terminal.expect("frazil> ")
    terminal.type("\\q\n")
    equal(terminal.end(), 0, "exit code")
    equal((folder / "out.csv").read_text(), '"a"\n"2"\n', "results that went to a file")


@check
def interrupting_a_statement(frazil, folder):
    terminal = Terminal(frazil, folder, "--format", "csv")
    terminal.type("SELECT count(*) FROM UNNEST(sequence(1, 10000)) a (x), UNNEST(sequence(1, 10000)) b (y), UNNEST(sequence(1, 10000)) c (z) WHERE x + y > z;\n")
    terminal.expect(" s", 20)  # the progress line
    terminal.type("\x03")
    terminal.expect("USER_CANCELED: Query was canceled")
    terminal.expect("frazil> ")
    terminal.type("SELECT 8 AS eight;\n")
    terminal.expect('"eight"\n"8"\n')
    terminal.expect("frazil> ")
    os.kill(terminal.pid, signal.SIGTERM)
    equal(terminal.end(), 128 + signal.SIGTERM, "exit code")


@check
def a_terminal_without_a_cursor(frazil, folder):
    terminal = Terminal(frazil, folder, "--format", "csv", terminal="dumb")
    terminal.type("SELECT 1\n+ 1 AS two;\n")
    terminal.expect('"two"\n"2"\n')
    terminal.type("\x04")
    equal(terminal.end(), 0, "exit code")

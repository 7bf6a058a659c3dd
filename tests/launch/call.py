"""Runs the lapatlas binary on some ranks as a user would, with a limit on its time."""

import argparse
import os
import signal
import subprocess
import tempfile
import time


def common_options(description):
    """A parser with what every script here is called with: how to start the program, and on how many ranks."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--mpiexec", required=True)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--ranks", type=int, required=True)
    return parser


class Check:
    """Prints each thing that was looked at; `failed` counts those that do not hold."""

    failed = 0

    def __call__(self, holds, what, shown=""):
        print(f"{'ok' if holds else 'FAILED':7} {what}")
        if not holds:
            Check.failed += 1
            print("".join(f"        | {line}\n" for line in str(shown).splitlines()[-20:]), end="")


class Answer:
    """What a call gave back."""

    def __init__(self, code, output, errors, seconds):
        self.code, self.output, self.errors, self.seconds = code, output, errors, seconds

    def lines(self, beginning):
        return [line for line in self.errors.splitlines() if line.startswith(beginning)]


def call(mpiexec, ranks, binary, arguments, folder, limit_seconds=120):
    """`mpiexec -n ranks binary arguments...` in `folder`. `code` is None where the time ran out: a hang."""
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    command = [mpiexec, "-n", str(ranks), binary, *map(str, arguments)]
    start = time.monotonic()
    # To files and not to pipes: a rank that outlives mpirun would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            code = process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            code = None
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for file in (output, errors):
            file.seek(0)
        return Answer(code, output.read(), errors.read(), time.monotonic() - start)


def checked_calls(options, check, folder):
    """`lapatlas(words...)`, run in `folder` on the script's ranks unless told others, whose exit code is checked; its answer."""

    def lapatlas(*words, code=0, ranks=options.ranks):
        answer = call(options.mpiexec, ranks, options.binary, words, folder, 200)
        check(answer.code == code, "lapatlas " + " ".join(map(str, words))[:110], answer.errors)
        return answer

    return lapatlas


def ranks_of(pid):
    answer = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in answer.stdout.split()]


def disturbed(command, folder, ready, disturb, extra=None):
    """Starts a call, disturbs its ranks once `ready()`; its exit code (None: it hung) and what it said."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", **(extra or {}))
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(list(map(str, command)), cwd=folder, env=environment, stdout=subprocess.DEVNULL,
                                   stderr=errors, start_new_session=True)
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline and process.poll() is None and not ready():
            time.sleep(0.01)
        if disturb and process.poll() is None:
            disturb(process.pid)
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = None
        errors.seek(0)
        return code, errors.read()

"""A SLURM cluster of some nodes inside this machine, for the time of a `with`."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

MINI_SLURM = pathlib.Path(__file__).parent / "mini-slurm"


class Cluster:
    """`with Cluster(3) as cluster:`; where there can be none, the test ends here as skipped."""

    def __init__(self, nodes, node_timeout=5):
        """`node_timeout`: seconds after which SLURM itself takes a silent node for lost."""
        self.nodes, self.node_timeout = nodes, node_timeout
        # Short: sockets lie in it.
        self.folder = tempfile.mkdtemp(prefix="ms-")
        self.environment = dict(os.environ, MINI_SLURM_DIR=self.folder + "/c", MINI_SLURM_NET="10.78.0")
        # Those of the tests' mpirun are not for the cluster's nodes.
        for name in [name for name in self.environment if name.startswith(("OMPI_MCA_", "PRTE_MCA_"))]:
            del self.environment[name]

    def __enter__(self):
        answer = self.call("up", self.nodes, "--conf", f"SlurmdTimeout={self.node_timeout}", "--conf", "MessageTimeout=5")
        if answer.returncode == 3:
            print("LAPATLAS_SKIPPED:", answer.stderr.strip())
            sys.exit(0)
        if answer.returncode != 0:
            sys.exit(answer.stderr)
        return self

    def __exit__(self, *_):
        self.call("down")
        subprocess.run(["rm", "-rf", self.folder])

    def call(self, *words, **options):
        return subprocess.run(["bash", str(MINI_SLURM), *map(str, words)], capture_output=True, text=True,
                              env={**self.environment, **options.pop("extra", {})}, **options)

    def submit(self, script, options, arguments, folder, extra=None):
        """The number of the job that sbatch makes of it."""
        answer = self.call("run", "sbatch", "--parsable", *options, script, *arguments, cwd=folder, extra=extra or {})
        if answer.returncode != 0:
            sys.exit(f"sbatch: {answer.stdout}{answer.stderr}")
        return int(answer.stdout.split(";")[0])

    def wait(self, job, seconds=900):
        """(state, exit code, how often it was put back)"""
        answer = self.call("wait", job, seconds)
        found = re.search(r"job \d+ (\w+) exit (\d+):\d+ restarts (\d+)", answer.stdout)
        return (found[1], int(found[2]), int(found[3])) if found else (answer.stdout + answer.stderr, None, None)

    def state(self, job):
        answer = self.call("run", "scontrol", "-o", "show", "job", job)
        found = re.search(r"JobState=(\w+)", answer.stdout)
        return found[1] if found else ""

    def bytes_of(self, node):
        """What the node has sent over its network."""
        text = self.call("on", node, "cat", "/proc/net/dev").stdout
        return int(re.search(r"eth0:\s*(.*)", text)[1].split()[8])

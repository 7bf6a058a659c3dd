"""The skeleton under SimGrid takes as long as arithmetic says: work, and bytes over a link. Usage:
simulate_ranks_test.py SKELETON'S_FOLDER
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).parent / "simulate_ranks.sh"
ROWS, WIDTH, RANKS = 500, 1000, 4
BANDWIDTH, SHARE, WORK = 1e8, 0.93, 0.02


def cost(fixed=0.0):
    return [fixed, 0, 0, 0, 0, 0, 0]


def operation(kind, work=0.0, width=0, gradients=(0, 0)):
    return {"kind": kind, "work": cost(work), "meanwhile": cost(), "after": cost(), "width": width, "bytes": 4,
            "gradients": list(gradients)}


def run(folder, point, *options):
    (folder / "p.json").write_text(json.dumps(point))
    subprocess.run([SCRIPT, folder / "p.json", folder / "out.json", "--build", sys.argv[1], "--ranks-a-node", "1",
                    "--bandwidth", str(BANDWIDTH), "--bandwidth-share", str(SHARE), "--latency", "1e-5", *options], check=True)
    return json.loads((folder / "out.json").read_text())


def main():
    if shutil.which("smpirun") is None or not (pathlib.Path(sys.argv[1]) / "lapatlas-skeleton").exists():
        print("LAPATLAS_SKIPPED: no SimGrid")
        return
    loads = [{"rows": 1000, "loss_rows": 1000, "nonzeros": 0, "interior_edges": 0, "boundary_edges": 0,
              "sends": [[(rank + 1) % RANKS, ROWS], [(rank - 1) % RANKS, ROWS]]} for rank in range(RANKS)]
    gradients = [1_000_000, 2_000_000]
    point = {"series": "ring", "placement": "by hand", "extrapolated": False, "cells": 4000, "gradients": gradients,
             "step": [], "loads": loads}
    sent = 2 * ROWS * WIDTH * 4
    wire = sent / (BANDWIDTH * SHARE)
    # All ranks sum 12 MB: each sends and receives three quarters of it twice (ring), or a little more.
    summed = 2 * 0.75 * 4 * sum(gradients) / (BANDWIDTH * SHARE)
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for what, step, options, least, most in [
            ("work alone", [operation("compute", WORK)], [], WORK, WORK * 1.02),
            ("work on a core that two share", [operation("compute", WORK)], ["--slowdown", "2"], 2 * WORK, 2 * WORK * 1.02),
            ("a halo with nothing to hide it", [operation("halo", 0, WIDTH)], [], wire, wire * 1.1),
            ("a halo behind more work", [operation("halo", 3 * wire, WIDTH)], [], 3 * wire, 3 * wire * 1.02),
            ("a halo of a tenth of the bytes on a tenth of the link", [operation("halo", 0, WIDTH)], ["--thin", "10"], wire,
             wire * 1.1),
            ("a halo whose bytes cost as much work as the wire", [operation("halo", 0, WIDTH)],
             ["--byte-cost", str(wire / 2 / sent)], wire, wire * 1.1),
            ("gradients, thin", [operation("ready", gradients=(0, 2)), operation("finish")], ["--thin", "10"], summed,
             summed * 1.6),
            ("gradients", [operation("ready", gradients=(0, 2)), operation("finish")], [], summed, summed * 1.6),
        ]:
            figures = run(folder, point | {"step": step}, *options)
            good = least * 0.999 <= figures["seconds"] <= most
            failures += not good
            print(f"{'ok' if good else 'FAILED':7} {what}: {figures['seconds']:.4f} s, expected {least:.4f} to {most:.4f}")
            if step[0]["kind"] == "halo" and figures["halo_bytes"] != sent:
                failures += 1
                print(f"FAILED  {figures['halo_bytes']} bytes, expected {sent}")
    sys.exit(1 if failures else 0)


main()

#!/usr/bin/env python3
"""What attacks on the graph do to a trained run: no attack moves nothing, larger ones move more, the same on any number of ranks.

    robustness.py --mpiexec M --binary B --ranks N
"""

import csv
import pathlib
import sys
import tempfile

from call import Check, checked_calls, common_options

CONFIG = """
[runtime]
threads = 1
[input]
label_key = "cell_type"
[prepare]
pca_components = 10
encodings = 4
[model]
hidden = 32
latent = 8
score_width = 32
[train]
joint_epochs = 60
loss_cells = 100
score_steps = 20
perturb_modes = 2
local_edits = 0.02
"""

check = Check()


def main():
    arguments = common_options(__doc__.splitlines()[0]).parse_args()

    with tempfile.TemporaryDirectory(prefix="lapatlas-robustness-") as name:
        folder = pathlib.Path(name)
        lapatlas = checked_calls(arguments, check, folder)
        (folder / "c.toml").write_text(CONFIG)
        lapatlas("simulate", "--simulate.cells=500", "--simulate.genes=200", "--simulate.types=3", "--output", "real.h5ad", "--quiet")
        lapatlas("prepare", "c.toml", "--input.path=real.h5ad", "--output.dir=run", "--quiet")
        lapatlas("train", "run", "--quiet")

        def study(ranks):
            answer = lapatlas("robustness", "run", "--robustness.budgets=0.1,0.4", "--robustness.modes=3", ranks=ranks)
            rows = list(csv.DictReader((folder / "run" / "robustness.csv").open()))
            check("| gradient | 0.4 |" in answer.output and (folder / "run" / "robustness.md").read_text() == answer.output, "the table is printed and kept", answer.output)
            check(len({line.count("|") for line in answer.output.splitlines()}) == 1, "each column has its name", answer.output)
            return {(row["attack"], float(row["budget"])): {key: float(value) for key, value in row.items() if key not in ("attack", "budget")} for row in rows}

        rows = study(arguments.ranks)
        attacks = ("random", "local", "degree", "spectral", "modes", "gradient")
        check(set(rows) == {("none", 0.0)} | {(a, b) for a in attacks for b in (0.1, 0.4)}, "every attack, every budget", list(rows))
        none = rows["none", 0.0]
        check(none["latents_moved"] < 1e-6 and none["edges_changed"] == 0 and none["label_accuracy"] > 0.7, "no attack moves nothing", none)
        for attack in attacks:
            check(0 < rows[attack, 0.1]["latents_moved"] < rows[attack, 0.4]["latents_moved"], f"{attack}: more is moved by more", rows[attack, 0.4])
        worse = {attack: rows[attack, 0.4]["training_nats"] - none["training_nats"] for attack in attacks}
        check(worse["gradient"] > 0 and worse["gradient"] == max(worse.values()), "none makes training cells as unlikely as the gradient's", worse)
        if arguments.ranks > 1:
            alone = study(1)
            worst = max(abs(alone[key]["heldout_nats"] - rows[key]["heldout_nats"]) / none["heldout_nats"] for key in rows)
            check(worst < 1e-3, "the same on one rank", worst)
        answer = lapatlas("robustness", "run", "--robustness.attacks=random,fire", code=2)
        check("no attack 'fire'" in answer.errors, "an unknown attack is named", answer.errors)
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())

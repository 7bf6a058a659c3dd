#!/usr/bin/env python3
"""A disk that fills up while data are prepared, checkpoints written and cells generated, and has room again later: a clear
line, the checkpoint before is whole, nothing half-written has a final name, and the same command then makes what an
undisturbed run makes.

    full_disk.py --mpiexec M --binary B --ranks N
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from call import Check, call, common_options, disturbed
from disks import enter_mount_namespace, fill, mount, resize
from results import matrix, rows, same, weights
from wrong_inputs import CONFIG, small_atlas, write

check = Check()


def main():
    options = common_options(__doc__).parse_args()
    enter_mount_namespace()
    with tempfile.TemporaryDirectory(prefix="lapatlas-full-disk-") as name:
        folder = pathlib.Path(name)
        atlas = write(folder, "sound", small_atlas())
        config = folder / "config.toml"
        config.write_text(CONFIG)
        calm, disk = folder / "calm", folder / "disk"
        mount(disk, "size=64k")
        run = disk / "run"

        def words(stage, where):
            return [stage, config, f"--input.path={atlas}", f"--output.dir={where}", "--train.joint_epochs=300",
                    "--train.validate_every=0", "--train.checkpoint_minutes=0.0005", "--generate.cells=60000"]

        def lapatlas(*arguments):
            return call(options.mpiexec, options.ranks, options.binary, arguments, folder)

        def filled_up(stage, ready, leave=lambda: 0):
            """A stage in the middle of which the disk fills up."""
            command = [options.mpiexec, "-n", options.ranks, options.binary, *words(stage, run)]
            return disturbed(command, folder, ready, lambda pid: fill(disk, leave()))

        def says_so(code, said, what):
            errors = [line for line in said.splitlines() if line.startswith("error:")]
            check(code == 2 and len(errors) == 1 and str(disk) in errors[0], f"{what}: one line, exit code 2", f"{code}\n{said}")
            print("".join(f"        | {line}\n" for line in errors), end="")
            check(not list(disk.rglob("*.partial")), "no half-file is left", list(disk.rglob("*.partial")))
            if what != "disk too small for prepared data":
                check(json.loads((run / "status.json").read_text())["state"] == "failed", "the status says so")
            return errors[0] if errors else ""

        for stage in ("prepare", "train", "generate"):
            check(lapatlas(*words(stage, calm)).code == 0, f"{stage} on a disk with room")

        answer = lapatlas(*words("prepare", run))
        says_so(answer.code, answer.errors, "disk too small for prepared data")
        check(not (run / "prepared.h5").exists(), "there are no prepared data")
        resize(disk, "64m")
        answer = lapatlas(*words("prepare", run))
        check(answer.code == 0, "with room the same command prepares", answer.errors)

        last = run / "checkpoints" / "last.h5"
        # Without a byte left the metrics cannot go on; with a little the checkpoint is what no longer fits.
        # Half a checkpoint is room for the metrics of many steps, and not for the next checkpoint.
        for leave, file in ((lambda: 0, ""), (lambda: last.stat().st_size // 2, "last.h5")):
            before = len(rows(run)) if last.exists() else 0
            code, said = filled_up("train", lambda: last.exists() and len(rows(run)) > before + 40, leave)
            line = says_so(code, said, f"disk full in training{', half a checkpoint left' if file else ''}")
            check(file in line, f"the line names {file}", line)
            answer = lapatlas("inspect", last)
            check(answer.code == 0, "the checkpoint before is whole", answer.errors)
            (disk / "filler").unlink()
        answer = lapatlas(*words("train", run))
        check(answer.code == 0 and "goes on from" in answer.errors, "with room the same command goes on", answer.errors)
        check(rows(calm) == rows(run) and same(weights(calm), weights(run)), "losses and weights are those of an undisturbed run")

        output, parts = run / "atlas.h5ad", run / "atlas.h5ad.parts"
        code, said = filled_up("generate", lambda: any(parts.glob("part-*.h5")))
        says_so(code, said, "disk full in generation")
        check(not output.exists(), "there is no atlas")
        (disk / "filler").unlink()
        code, said = filled_up("generate", lambda: any(run.glob("atlas.h5ad*.partial")))
        line = says_so(code, said, "disk full in putting the atlas together")
        check("atlas.h5ad.partial" in line, "the line names the atlas", line)
        check(not output.exists() and any(parts.glob("part-*.h5")), "the parts are kept, and there is no atlas")
        (disk / "filler").unlink()
        answer = lapatlas(*words("generate", run))
        check(answer.code == 0, "with room the same command generates", answer.errors)
        check(same(matrix(calm / "atlas.h5ad"), matrix(output)), "counts are those of an undisturbed run")
        shutil.rmtree(run)
        subprocess.run(["umount", disk], check=True)
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())

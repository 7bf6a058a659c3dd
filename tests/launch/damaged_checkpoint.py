#!/usr/bin/env python3
"""Checkpoints that are damaged, of another model, other genes or a future version: refused with the reason, and training takes the
one before where there is one.

    damaged_checkpoint.py --mpiexec M --binary B --ranks N
"""

import pathlib
import random
import shutil
import sys
import tempfile
import zlib

import h5py

from call import Check, call, common_options
from results import rows, same, weights
from wrong_inputs import CONFIG, small_atlas, write

check = Check()
SEAL = 512


def sealed(path):
    """Gives a changed file the line that vouches for it, as the program writes it (docs/file-formats.md)."""
    content = path.read_bytes()[SEAL:]
    line = b"LapAtlas: crc32 %08lx of the %d bytes behind the first 512\n" % (zlib.crc32(content), len(content))
    path.write_bytes(line.ljust(SEAL, b"\0") + content)


def main():
    options = common_options(__doc__).parse_args()
    draw = random.Random(3)
    with tempfile.TemporaryDirectory(prefix="lapatlas-damaged-") as name:
        folder = pathlib.Path(name)
        atlas = write(folder, "sound", small_atlas())
        other_genes = small_atlas()
        other_genes.var_names = [f"other{i}" for i in range(other_genes.n_vars)]
        other_atlas = write(folder, "other_genes", other_genes)
        config = folder / "config.toml"
        config.write_text(CONFIG)

        def words(stage, run, *more, path=atlas):
            return [stage, config, f"--input.path={path}", f"--output.dir={folder / run}", "--train.joint_epochs=40",
                    "--train.validate_every=0", "--train.checkpoint_minutes=0", *more]

        def lapatlas(*arguments):
            return call(options.mpiexec, options.ranks, options.binary, arguments, folder)

        for run, more, path in (("calm", [], atlas), ("wider", ["--model.hidden=24"], atlas), ("genes", [], other_atlas)):
            for stage in ("prepare", "train"):
                answer = lapatlas(*words(stage, run, *more, path=path))
                check(answer.code == 0, f"{stage} '{run}'", answer.errors)
        whole = (folder / "calm" / "checkpoints" / "last.h5").read_bytes()
        size = len(whole)

        def flipped(path):
            place = draw.randrange(size)
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1:])

        def future(path):
            with h5py.File(path, "r+") as file:
                file.attrs["format_version"] = 99
            sealed(path)

        def other(run):
            return lambda path: shutil.copy(folder / run / "checkpoints" / "last.h5", path)

        cases = [(f"bit {n} flipped", flipped, "damaged|not a checkpoint|cut short") for n in range(6)]
        cases += [(f"cut at {twentieth}/20", lambda path, n=twentieth: path.write_bytes(whole[:size * n // 20]), "cut short|damaged|not")
                  for twentieth in range(20)]
        cases += [("a future version", future, "version 99")]
        last = folder / "run" / "checkpoints" / "last.h5"
        expected = rows(folder / "calm"), weights(folder / "calm")
        for title, damage, reason in cases:
            shutil.rmtree(folder / "run", ignore_errors=True)
            shutil.copytree(folder / "calm", folder / "run")
            damage(last)
            answer = lapatlas("generate", folder / "run", "--cells=10")
            errors = answer.lines("error:")
            check(answer.code == 2 and len(errors) == 1 and any(word in errors[0] for word in reason.split("|"))
                  and "last.h5" in errors[0], f"{title}: generation refuses it", answer.errors)
            if title.startswith("cut") and not title.startswith("cut at 1"):
                continue
            answer = lapatlas(*words("train", "run"))
            skipped = [line for line in answer.lines("warning:") if "skipped" in line and "last.h5" in line]
            check(answer.code == 0 and len(skipped) == 1 and "goes on from" in answer.errors and "previous-1.h5" in answer.errors,
                  f"{title}: training says why it is skipped and takes the one before", answer.errors)
            check(rows(folder / "run") == expected[0] and same(weights(folder / "run"), expected[1]),
                  f"{title}: and ends the same")
        # Whole, but of something else: nothing is lost by asking.
        for title, run in (("of another model", "wider"), ("of other genes", "genes")):
            shutil.rmtree(folder / "run")
            shutil.copytree(folder / "calm", folder / "run")
            other(run)(last)
            answer = lapatlas(*words("train", "run"))
            errors = answer.lines("error:")
            check(answer.code == 2 and len(errors) == 1 and "last.h5" in errors[0], f"a checkpoint {title} is refused",
                  answer.errors)
            print("".join(f"        | {line}\n" for line in errors), end="")
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())

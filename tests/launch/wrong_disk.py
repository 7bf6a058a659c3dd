#!/usr/bin/env python3
"""An output folder that is read-only, and disks that fill up at different stages: one clear line, exit code 2, no
hang, nothing left behind. Small file systems in memory stand for the disks; they are mounted in a private mount
namespace, so nothing of them outlives the test.

    wrong_disk.py --mpiexec M --binary B --ranks N
"""

import pathlib
import subprocess
import sys
import tempfile

from call import call, common_options
from disks import enter_mount_namespace, mount
from wrong_inputs import CONFIG, small_atlas, write


def main():
    options = common_options(__doc__).parse_args()
    enter_mount_namespace()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="lapatlas-wrong-disk-") as name:
        folder = pathlib.Path(name)
        atlas = write(folder, "sound", small_atlas())
        config = folder / "config.toml"
        config.write_text(CONFIG)

        def run(*arguments):
            return call(options.mpiexec, options.ranks, options.binary, arguments, folder)

        # A finished run on a disk that is large enough: its files tell where smaller disks will fill up.
        whole = run("run", config, f"--input.path={atlas}", f"--output.dir={folder / 'whole'}")
        if whole.code != 0:
            print(f"the run on a large disk failed:\n{whole.errors}")
            return 1
        used_kib = sum(path.stat().st_size for path in (folder / "whole").rglob("*") if path.is_file()) // 1024

        read_only = folder / "read_only"
        mount(read_only, "ro,size=1m")
        calls = {"read-only folder": (read_only, ["run", config, f"--input.path={atlas}", f"--output.dir={read_only / 'run'}"])}
        for share in (0.02, 0.3, 0.7):
            disk = folder / f"full{share}"
            mount(disk, f"size={max(4, int(share * used_kib) // 4 * 4)}k")
            calls[f"disk of {share:.0%} of what a run takes"] = (
                disk, ["run", config, f"--input.path={atlas}", f"--output.dir={disk / 'run'}"])
        disk = folder / "full_atlas"
        mount(disk, "size=64k")
        calls["disk too small for the atlas"] = (
            disk, ["generate", folder / "whole", "--cells", "20000", "--output", disk / "atlas.h5ad"])

        for title, (disk, arguments) in calls.items():
            answer = run(*arguments)
            errors = answer.lines("error:")
            complaints = []
            if answer.code != 2:
                complaints.append("hangs" if answer.code is None else f"exit code {answer.code}, not 2")
            if len(errors) != 1:
                complaints.append(f"{len(errors)} lines begin with 'error:', not 1")
            elif str(disk) not in errors[0]:
                complaints.append(f"the line does not name {disk}")
            # Finished stages stay for a run that resumes; half-written files do not.
            half = [path for path in disk.rglob("*") if path.name.endswith(".partial") or path.name == "atlas.h5ad"]
            if half:
                complaints.append(f"left behind: {', '.join(map(str, half))}")
            print(f"{'FAILED' if complaints else 'ok':7} {title} ({answer.seconds:.1f} s)")
            print("".join(f"        {line}\n" for line in errors), end="")
            if complaints:
                failed += 1
                print("".join(f"        -> {complaint}\n" for complaint in complaints), end="")
                print("".join(f"        | {line}\n" for line in answer.errors.splitlines()[-15:]), end="")
        for disk in [read_only, *folder.glob("full*")]:
            subprocess.run(["umount", disk], check=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

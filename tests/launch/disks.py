"""Small file systems in memory that stand for disks; mounted in a private mount namespace, so nothing outlives a test."""

import os
import shutil
import subprocess
import sys


def enter_mount_namespace():
    """Starts this script again where it may mount; says so and ends where the machine does not let it."""
    if os.environ.get("LAPATLAS_IN_MOUNT_NAMESPACE"):
        return
    unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if not shutil.which("unshare") or subprocess.run(unshare + ["mount", "-t", "tmpfs", "none", "/mnt"],
                                                     capture_output=True).returncode != 0:
        print("LAPATLAS_SKIPPED: no right to mount a small file system (run as root to test full disks)")
        sys.exit(0)
    environment = dict(os.environ, LAPATLAS_IN_MOUNT_NAMESPACE="1")
    os.execvpe(unshare[0], unshare + [sys.executable, *sys.argv], environment)


def mount(folder, options):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)


def resize(folder, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


def fill(disk, leave=0):
    """Leaves `leave` bytes free; the file to remove when there shall be room again."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"x" * size) > 0:
                    pass
            except OSError:
                continue
        file.truncate(file.tell() - leave)
    return filler

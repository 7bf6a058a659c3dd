#!/usr/bin/env python3
"""Every configuration in configs/ is complete and valid: what --dump-config makes of it is a configuration that dumps the same.

    configs.py --mpiexec M --binary B --ranks N
"""

import pathlib
import sys
import tempfile

from call import Check, call, common_options

check = Check()


def main():
    arguments = common_options(__doc__.splitlines()[0]).parse_args()
    configs = sorted((pathlib.Path(__file__).resolve().parents[2] / "configs").glob("*.toml"))
    check(len(configs) >= 10, "configurations are found", configs)
    with tempfile.TemporaryDirectory(prefix="lapatlas-configs-") as name:
        folder = pathlib.Path(name)
        for config in configs:
            text = config.read_text()
            check(all(f"# {word}" in text for word in ("What for:", "Needs:", "Took:")), f"{config.name} says what it is for", text[:80])
            first = call(arguments.mpiexec, 1, arguments.binary, ["run", str(config), "--dump-config"], folder, 60)
            check(first.code == 0 and "[train]" in first.output, f"{config.name} dumps", first.errors)
            (folder / "dumped.toml").write_text(first.output)
            again = call(arguments.mpiexec, 1, arguments.binary, ["run", "dumped.toml", "--dump-config"], folder, 60)
            check(again.code == 0 and again.output == first.output, f"{config.name}: its dump is a configuration", again.errors)
        listed = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "options.toml").read_text().split("\n", 1)[1]
        defaults = call(arguments.mpiexec, 1, arguments.binary, ["run", "--dump-config"], folder, 60)
        check(defaults.output == listed, "docs/options.toml lists every option as it is", "see its first line")
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())

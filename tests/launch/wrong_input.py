#!/usr/bin/env python3
"""Wrong input is refused with one clear line, exit code 2, no hang, and nothing left behind; odd input is accepted
with one warning.

    wrong_input.py refused|accepted --mpiexec M --binary B --ranks N
"""

import pathlib
import re
import sys
import tempfile

from call import call, common_options
from wrong_inputs import CONFIG, Case, accepted, refused, small_atlas, write


def arguments_of(case, config, output):
    arguments = ["run", config, f"--input.path={case.path}"]
    if not any(argument.startswith("--output.dir=") for argument in case.arguments):
        arguments.append(f"--output.dir={output}")
    return arguments + case.arguments


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def complaints_refused(case, answer, before, after):
    """What is not as it should be, in words; empty when all is well."""
    if answer.code is None:
        return [f"hangs (no end after {answer.seconds:.0f} s)"]
    found = []
    if answer.code != 2:
        found.append(f"exit code {answer.code}, not 2")
    errors = answer.lines("error:")
    if len(errors) != 1:
        found.append(f"{len(errors)} lines begin with 'error:', not 1")
    elif not re.search(case.mention, errors[0]):
        found.append(f"the line does not mention /{case.mention}/: {errors[0]}")
    if after != before:
        found.append(f"left behind: {', '.join(sorted(set(after) ^ set(before)))}")
    return found


def complaints_accepted(case, answer):
    if answer.code is None:
        return [f"hangs (no end after {answer.seconds:.0f} s)"]
    found = []
    if answer.code != 0:
        found.append(f"exit code {answer.code}, not 0")
    warnings = answer.lines("warning:")
    wanted = 0 if case.mention is None else 1
    if len(warnings) != wanted:
        found.append(f"{len(warnings)} lines begin with 'warning:', not {wanted}")
    elif wanted and not re.search(case.mention, warnings[0]):
        found.append(f"the warning does not mention /{case.mention}/: {warnings[0]}")
    return found


def main():
    parser = common_options(__doc__)
    parser.add_argument("kind", choices=["refused", "accepted"])
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="lapatlas-wrong-input-") as name:
        folder = pathlib.Path(name)
        inputs, outputs = folder / "inputs", folder / "outputs"
        inputs.mkdir()
        outputs.mkdir()
        if options.kind == "refused":
            cases = refused(inputs, options.ranks)
        else:
            # The same atlas with nothing odd gives no warning, else the count of warnings below would mean nothing.
            cases = [Case("nothing odd", None, write(inputs, "sound", small_atlas()))] + accepted(inputs)
        for number, case in enumerate(cases):
            config = case.config_path or inputs / f"config{number}.toml"
            if case.config_path is None:
                config.write_text(case.config)
            before = listing(folder)
            arguments = arguments_of(case, config, outputs / f"run{number}")
            answer = call(options.mpiexec, options.ranks, options.binary, arguments, outputs)
            if options.kind == "refused":
                complaints = complaints_refused(case, answer, before, listing(folder))
            else:
                complaints = complaints_accepted(case, answer)
            print(f"{'FAILED' if complaints else 'ok':7} {case.name} ({answer.seconds:.1f} s)")
            for line in answer.lines("error:") + (answer.lines("warning:") if options.kind == "accepted" else []):
                print(f"        {line}")
            if complaints:
                failed += 1
                print("".join(f"        -> {complaint}\n" for complaint in complaints), end="")
                print("".join(f"        | {line}\n" for line in answer.errors.splitlines()[-15:]), end="", flush=True)
    print(f"{len(cases) - failed} of {len(cases)} cases")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

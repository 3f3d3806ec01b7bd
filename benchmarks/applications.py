"""What models are used for: β tables, denoising, events and compression, one after the other.

    python -m benchmarks.applications [--data FOLDER] [--only beta denoising events compression]
        [--figures FOLDER]

Each part is a module of its own, with its settings and what is wanted of it: benchmarks/beta.py,
denoising.py, events.py and compression.py. They print their tables; the last table is what was
wanted and what was reached. All take less than 20 minutes on two cores. The exit code is 0 if all
that is wanted holds. Needs pip install "tfvae[denoising,physics,compression]".
"""

import argparse
import os
import sys
import time

import keras

from benchmarks import beta, common, compression, denoising, events

PARTS = {"beta": beta, "denoising": denoising, "events": events, "compression": compression}


def options(name, figures):
    """The command line of a part that writes its figures to a folder."""
    if not figures or name == "compression":
        return []
    if name == "events":
        return ["--figure", os.path.join(figures, "events.png")]
    return ["--figures", figures]


def main(argv=None):
    """Runs the parts; returns the goals of all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    common.add_data(parser)
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS], help="parts")
    parser.add_argument("--figures", help="folder to write the figures to")
    arguments = parser.parse_args(argv)
    if arguments.figures:
        os.makedirs(arguments.figures, exist_ok=True)
    found, minutes = [], {}
    for name in arguments.only:
        start = time.perf_counter()
        goals = PARTS[name].main(["--data", arguments.data, *options(name, arguments.figures)])
        found += [goal._replace(name=f"{name}, {goal.name}") for goal in goals]
        minutes[name] = (time.perf_counter() - start) / 60
        keras.backend.clear_session()
    print("\n## Applications")
    common.print_goals(found)
    parts = ", ".join(f"{name} {one:.1f}" for name, one in minutes.items())
    print(f"\n- time: {sum(minutes.values()):.1f} minutes ({parts})")
    for name, value in common.environment().items():
        print(f"- {name}: {value}")
    return found


if __name__ == "__main__":
    sys.exit(common.exit_code(main()))

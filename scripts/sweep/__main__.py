r"""Runs run_classifier.py for each configuration of a grid and each seed, and writes a report on all runs.

    python scripts/sweep --output_dir=output/sweep --seeds="0 1 2" \
        --grid "uncased_L-12_H-768_A-12" "5e-5 3e-5" "16 32" "3" --task_name=MRPC

--grid takes models, learning rates, batch sizes and numbers of epochs, and can be given several times. All other
arguments are passed on to each run. scripts/sweep_mrpc.sh has the grid for MRPC and scripts/sweep_glue.sh one for all
tasks of GLUE; their --help explains more.
"""

import sys

# Python puts the folder that it runs first on its path, so these files import one another by their plain names, from
# any working folder. tests/scripts/test_modules.py makes sure that no name hides a module that something else imports.
try:
    import shlex
    import time
    from collections.abc import Callable
    from pathlib import Path

    from arguments import Arguments, parse
    from attempts import LocalAttempt
    from bert_tf.files import locked, make_folder
    from bert_tf.flags import run_program
    from finished import read_data
    from gpus import make_slots
    from grid import Run, make_runs
    from processes import SECONDS_BETWEEN_LOOKS, GuardedProcess, StopSignal, stop
    from scheduler import Attempt, Sweep
except ModuleNotFoundError as error:
    sys.exit(f"sweep: error: the package {error.name} is missing; install this project with: pip install -e .")
except KeyboardInterrupt:
    sys.exit(130)

REPORT = Path(__file__).resolve().parents[1] / "report.py"


def main() -> None:
    """Runs the sweep of the command line, and exits with its code."""
    arguments = parse(sys.argv[1:], __doc__)
    runs = make_runs(arguments)
    slots = [None] * len(runs) if arguments.ray else make_slots(arguments.jobs)
    if arguments.dry_run:
        for run in runs:
            print(shlex.join(run.command))
        return
    start, description = place(arguments, len(slots))
    stop_signal = StopSignal()  # after Ray, which catches SIGTERM too
    data = {study.config.task_name: read_data(study.config) for study in arguments.studies}
    sweep = Sweep(runs, slots, start, data, stop_signal)
    sys.exit(run_sweep(sweep, description, arguments.output_dir, stop_signal))


def place(arguments: Arguments, slots: int) -> tuple[Callable[[Run, str | None], Attempt], str]:
    """Returns what starts a run, on this machine or on a Ray cluster, and a few words on it."""
    if arguments.ray is None:
        return LocalAttempt, f"{slots} at a time"
    from ray_cluster import RayCluster

    cluster = RayCluster(arguments.ray)
    return cluster.start, cluster.description


def run_sweep(sweep: Sweep, description: str, output_dir: Path, stop_signal: StopSignal) -> int:
    """Runs the sweep and the report in the locked output folder, and returns the exit code."""
    make_folder(output_dir, "OUTPUT_DIR")
    refusal = f"OUTPUT_DIR: {output_dir}: another sweep is running there; wait for it or name another folder"
    with locked(output_dir / ".sweep.lock", refusal):
        print(f"{sweep.total} runs, {description}, in {output_dir}; each prints to its run.log", flush=True)
        sweep.run()
        has_report = not stop_signal.received and write_report(output_dir, stop_signal)
    if stop_signal.received:
        print("sweep: interrupted; run the same command again to continue", file=sys.stderr)
        return 128 + stop_signal.received
    if sweep.failed:
        failures = f"{sweep.failed} of {sweep.total} runs failed, see failure.txt in their folders"
        print(f"sweep: {failures}; the same command tries them again", file=sys.stderr)
    if not has_report:
        print("sweep: the report failed", file=sys.stderr)
    return 0 if has_report and not sweep.failed else 1


def write_report(output_dir: Path, stop_signal: StopSignal) -> bool:
    """Calls report.py on the sweep's folder; returns True if it succeeded."""
    process = GuardedProcess([sys.executable, str(REPORT), str(output_dir)])
    try:
        while process.exit_code() is None and not stop_signal.received:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        stop([process])
    return process.exit_code() == 0


if __name__ == "__main__":
    run_program(main, argv=sys.argv[:1])  # `main` parses the rest itself

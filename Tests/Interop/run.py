"""Runs the interoperability checks and ends with one line that counts them: "N passed, N failed".

    python Tests/Interop/run.py [WORD ...]      only checks whose name contains one of the words

Every check has a folder of its own, so as many run at once as there are cores. Environment: FRAZIL_BINARY, the binary under test.
"""

import importlib
import multiprocessing
import os
import pathlib
import signal
import sys
import time
import traceback

import support

for path in sorted(pathlib.Path(__file__).parent.glob("check_*.py")):
    importlib.import_module(path.stem)


def name_of(function):
    return f"{function.__module__.removeprefix('check_')}.{function.__name__}"


def run(index):
    """One check: its name, how long it took, and what went wrong, or None."""
    function = support.CHECKS[index]
    start = time.monotonic()
    problem = None
    try:
        with support.Place() as place:
            function(place)
    except Exception:
        problem = traceback.format_exc(limit=-3)
    return name_of(function), time.monotonic() - start, problem


def main():
    # A shell without job control starts what runs behind it with SIGINT ignored, and programs keep that: the checks that interrupt them would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    words = sys.argv[1:]
    wanted = [
        index for index, function in enumerate(support.CHECKS) if not words or any(word in name_of(function) for word in words)]
    failed = 0
    # Forked, so that the workers have the same list of checks.
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        for name, seconds, problem in pool.imap(run, wanted, chunksize=1):
            if problem is None:
                print(f"ok    {name} ({seconds:.1f} s)", flush=True)
            else:
                failed += 1
                print(f"FAILED {name}\n{problem}", flush=True)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return 1 if failed or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())

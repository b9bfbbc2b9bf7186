"""Runs the interoperability checks and ends with one line that counts them: "N passed, N failed".

    python Tests/Interop/run.py [WORD ...]      only checks whose name contains one of the words

Environment: FRAZIL_BINARY, the binary under test.
"""

import importlib
import pathlib
import sys
import time
import traceback

import support

here = pathlib.Path(__file__).parent
for path in sorted(here.glob("check_*.py")):
    importlib.import_module(path.stem)

passed = failed = 0
for function in support.CHECKS:
    name = f"{function.__module__.removeprefix('check_')}.{function.__name__}"
    if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
        continue
    start = time.monotonic()
    try:
        with support.Place() as place:
            function(place)
        passed += 1
        print(f"ok    {name} ({time.monotonic() - start:.1f} s)")
    except Exception:
        failed += 1
        print(f"FAILED {name}")
        traceback.print_exc(limit=-3, file=sys.stdout)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)

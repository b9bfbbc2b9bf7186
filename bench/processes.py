"""Runs a command and measures it: wall time, CPU time and the peak of its resident memory."""
import os
import resource
import subprocess
import tempfile
import time


class Measurement:
    def __init__(self, seconds, cpu, peak_bytes, output, error):
        self.seconds, self.cpu, self.peak_bytes = seconds, cpu, peak_bytes
        self.output = output
        self.error = error

    @property
    def failed(self):
        return self.error is not None


def high_water(pid):
    """Peak resident bytes of a running process; 0 when it has just ended. The kernel's own sum at the end counts what the parent held
    when it forked."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            for line in status:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def measure(command, timeout=3600, memory_limit=None, directory=None):
    """One run of `command` as a process of its own."""
    def limit():
        if memory_limit:
            resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=limit if memory_limit else None, cwd=directory)
        deadline = start + timeout
        peak, pause = 0, 0.0005
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() > deadline:
                process.kill()
                pid, status, usage = os.wait4(process.pid, 0)
                process.returncode = -9
                return Measurement(timeout, usage.ru_utime + usage.ru_stime, peak, "", f"over {timeout} s")
            peak = max(peak, high_water(process.pid))
            time.sleep(pause)
            pause = min(pause * 1.1, 0.01)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        message = err.read().decode(errors="replace").strip()
        error = None if process.returncode == 0 else (message.splitlines() or [f"exit {process.returncode}"])[-1]
        return Measurement(seconds, usage.ru_utime + usage.ru_stime, peak, out.read().decode(), error)


def best(runs, command, **options):
    """The fastest of `runs` runs; a failure at once."""
    results = []
    for _ in range(runs):
        result = measure(command, **options)
        if result.failed:
            return result
        results.append(result)
    return min(results, key=lambda result: result.seconds)

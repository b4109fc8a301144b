"""
Runs the dbt 1.x commands of one attempt in one process: one start of Python, and a project that is parsed once.

A request is a line of JSON on stdin. What dbt says goes to descriptor 3, a line each; the first letter tells what it is:
R ready, E an event of dbt, T text that a program printed, X the end of the command with its exit code. Programs cannot
forge an end by printing one. Whatever fails here before a command starts makes the runner start a plain dbt.
"""

import gc
import io
import json
import os
import pkgutil
import queue
import signal
import sys
import threading
import time
import traceback
from multiprocessing import resource_tracker

# This folder is part of an image's content: nothing is written into it.
writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
from dbt_command import Manifests, run  # noqa: E402

sys.dont_write_bytecode = writes_bytecode

EVENTS_DESCRIPTOR = 3
# The collector costs a tenth to a seventh of a build; it is switched on again when memory becomes a matter.
COLLECT_ABOVE = 0.4


class Channel:
    """Lines to the runner, written by a thread of its own: an interrupt of dbt cannot cut one in two."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._lines = queue.SimpleQueue()
        threading.Thread(target=self._write, daemon=True).start()

    def send(self, kind, text):
        # The runner is slower: dbt waits, memory does not grow.
        while self._lines.qsize() > 20_000:
            time.sleep(0.01)
        self._lines.put(kind + text + "\n")

    def flush(self):
        written = threading.Event()
        self._lines.put(written)
        written.wait(30)

    def _write(self):
        while True:
            batch = [self._lines.get()]
            # Threads take turns at Python: a wake-up for every line would slow dbt down.
            time.sleep(0.02)
            while not self._lines.empty():
                batch.append(self._lines.get())
            data = "".join(line for line in batch if isinstance(line, str)).encode("utf-8", "replace")
            while data:
                data = data[os.write(self._descriptor, data) :]
            for mark in batch:
                if not isinstance(mark, str):
                    mark.set()


class Printed(io.RawIOBase):
    """What is printed, line by line into the channel."""

    def __init__(self, channel):
        self._channel = channel
        self._held = b""

    def writable(self):
        return True

    def write(self, data):
        *lines, self._held = (self._held + bytes(data)).split(b"\n")
        for line in lines:
            self._channel.send("T", line.decode("utf-8", "replace"))
        return len(data)

    def finish(self):
        if self._held:
            self.write(b"\n")


def text_stream(raw):
    return io.TextIOWrapper(io.BufferedWriter(raw, 1), encoding="utf-8", errors="replace", line_buffering=True)


def release():
    """What ends with the process of a plain dbt: databases in this process, and programs that a model left running."""
    duckdb = sys.modules.get("dbt.adapters.duckdb.connections")
    if duckdb is not None:
        manager = duckdb.DuckDBConnectionManager
        if manager._ENV is not None:
            manager._ENV.close()
        manager.close_all_connections()
        manager._LOGGED_MESSAGES.clear()
    # Python's own helper, which dbt's multiprocessing keeps for the whole process.
    tracker = getattr(resource_tracker._resource_tracker, "_pid", None)
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                group = int(file.read().rpartition(")")[2].split()[2])
            if group == os.getpid() and int(name) not in (group, tracker):
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            pass


def preload():
    """Everything that a command imports, while the runner still fetches the repository."""
    import dbt.adapters
    import dbt.cli.main  # noqa: F401
    import dbt.task.build  # noqa: F401
    import dbt.task.docs.generate  # noqa: F401
    import dbt.task.freshness  # noqa: F401

    for found in pkgutil.iter_modules(dbt.adapters.__path__):
        try:
            __import__(f"dbt.adapters.{found.name}")
        except Exception:  # dbt tells, should it be needed
            pass


def memory_limit():
    # A task's own limit can lie where nobody in the container sees it.
    limits = [int(word.partition("=")[2]) for word in sys.argv if word.startswith("--memory=")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(open(file, encoding="ascii").read()))
        except (OSError, ValueError):
            pass
    return min([*limits, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")])


def watch_memory():
    limit, page = memory_limit(), os.sysconf("SC_PAGE_SIZE")
    while not gc.isenabled():
        time.sleep(1)
        with open("/proc/self/statm", encoding="ascii") as file:
            if int(file.read().split()[1]) * page > COLLECT_ABOVE * limit:
                gc.enable()


def main():
    # Programs that dbt starts get neither the requests nor the channel, and nothing to read.
    os.set_inheritable(EVENTS_DESCRIPTOR, False)
    os.set_blocking(EVENTS_DESCRIPTOR, True)
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # This file's folder is no place for Python modules.
    path = sys.path[1:]
    sys.path[:] = path
    if "--collect" not in sys.argv:
        gc.disable()
        threading.Thread(target=watch_memory, daemon=True).start()
    channel = Channel(EVENTS_DESCRIPTOR)
    preload()
    printed = [Printed(channel), Printed(channel)]
    sys.stdout, sys.stderr = map(text_stream, printed)
    manifests = Manifests()
    threads = threading.active_count()
    channel.send("R", "")
    for line in requests:
        code = run(json.loads(line), channel, manifests, path)
        for stream in printed:
            stream.finish()
        # A query that outlived its interrupt, or a thread of a model's that would write to the warehouse on and on.
        last = threading.active_count() > threads
        if not last:
            release()
        channel.send("X", json.dumps({"code": code, "last": last}))
        channel.flush()
        if last:
            break


if __name__ == "__main__":
    code = 0
    try:
        main()
    except KeyboardInterrupt:
        code = 2
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        code = 1
    # Without waiting for a query in a thread, as Python's own end would.
    os._exit(code)

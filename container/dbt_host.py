"""
Runs the dbt 1.x commands of one attempt in one process: one start of Python, and a project that is parsed once.

A request is a line of JSON on stdin. What dbt says goes to descriptor 3, a line each; the first letter tells what it is:
R ready, E an event of dbt, T text that a program printed, X the end of the command with its exit code. Programs cannot
forge an end by printing one. Whatever fails here before a command starts makes the runner start a plain dbt.

Each command is called as the program `dbt` would call it, with the environment, folder and arguments of its own.
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

EVENTS_DESCRIPTOR = 3
# The collector costs a tenth to a seventh of a build; it is switched on again when memory becomes a matter.
COLLECT_ABOVE = 0.4
# Debug events with nothing but text that anybody reads; turning their fields into JSON would cost as much as the query.
TEXT_ONLY = frozenset(
    "SQLQuery SQLQueryStatus SQLCommit NewConnection NewConnectionOpening ConnectionUsed ConnectionReused ConnectionClosed "
    "ConnectionClosedInCleanup ConnectionLeftOpen ConnectionLeftOpenInCleanup Rollback AdapterEventDebug CodeExecution "
    "CodeExecutionStatus CacheMiss ListRelations ColTypeChange SchemaCreation SchemaDrop WritingInjectedSQLForNode "
    "NodeCompiling NodeExecuting NodeConnectionReleaseError GenericTestFileParse MacroFileParse PartialParsingFile "
    "FormattingDebug JinjaLogDebug ArtifactWritten".split()
)
HIDDEN = ("CacheAction", "CacheDumpGraph")
# Commands that find the manifest as another one left it: who may use it after what.
AFTER_CLEAN = frozenset(["build", "source freshness"])
AFTER_ANY = frozenset(["docs generate"])
KEEPS_CLEAN = frozenset(["source freshness"])


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


class Events:
    """Callback for dbt's events during one command, in the place of its own logger."""

    def __init__(self, channel, started):
        from dbt_common.events import functions
        from dbt_common.exceptions import env_secrets, scrub_secrets

        self._functions, self._channel, self._started = functions, channel, started
        self._secrets, self._scrub = env_secrets(), scrub_secrets
        self._first = True

    def __call__(self, message):
        info = message.info
        if self._first:
            # dbt's own logger has written this one already, as JSON; from here on it would only do the work twice.
            self._first = False
            self._functions.get_event_manager().loggers.clear()
            self._started()
            return
        if info.name in HIDDEN:
            return
        if info.level == "debug" and info.name in TEXT_ONLY:
            line = json.dumps({"info": {"name": info.name, "level": "debug", "msg": info.msg}})
        else:
            line = self._functions.msg_to_json(message)
        self._channel.send("E", self._scrub(line, self._secrets) if self._secrets else line)


class Manifests:
    """The project as the last command parsed it, for as long as nothing that goes into a parse has changed."""

    def __init__(self):
        self._manifest = None

    def find(self, request, command):
        if self._manifest is None or command not in AFTER_ANY | AFTER_CLEAN:
            return None
        if command in AFTER_CLEAN and not self._clean:
            return None
        if command == "docs generate" and "--no-compile" not in request["args"]:
            return None
        return self._manifest if self._key == key_of(request) else None

    def keep(self, request, command, manifest):
        self._manifest = manifest
        if manifest is None:
            return
        self._key = key_of(request)
        hooks = any(node.resource_type == "operation" for node in manifest.nodes.values())
        self._clean = command in KEEPS_CLEAN and not hooks


def key_of(request):
    """Options of the parse and the state of the project's files, which a step may have changed."""
    files = []
    for folder in (request["project"], request["profiles"]):
        for where, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != ".git")
            for name in sorted(names):
                stat = os.lstat(os.path.join(where, name))
                files.append((where, name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    return (request["parse"], hash(tuple(files)))


def renew(manifest, command, target):
    """The manifest that dbt would have written after its own parse."""
    from datetime import datetime, timezone

    from dbt.parser.manifest import write_manifest
    from dbt_common.events.functions import get_metadata_vars
    from dbt_common.invocation import get_invocation_id, get_invocation_started_at

    metadata = manifest.metadata
    metadata.env = get_metadata_vars()
    metadata.invocation_id = get_invocation_id()
    metadata.invocation_started_at = get_invocation_started_at()
    metadata.generated_at = datetime.now(timezone.utc).replace(tzinfo=None)
    if command != "docs generate":
        write_manifest(manifest, target)


def run(request, channel, manifests, path):
    """One command; gives its exit code."""
    from dbt.cli.main import cli

    forget(request, path)
    words = request["args"]
    command = " ".join(words[:2]) if words[:1] in (["docs"], ["source"]) else words[0]
    context = {"callbacks": []}
    manifest = manifests.find(request, command)

    def started():
        if manifest is not None:
            try:
                renew(manifest, command, request["target"])
            except Exception:  # dbt then parses by itself
                context["manifest"] = None

    if manifest is not None:
        context["manifest"] = manifest
    context["callbacks"].append(Events(channel, started))
    code = 0
    try:
        cli.main(args=words, prog_name="dbt", obj=context)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    manifests.keep(request, command, context.get("manifest"))
    return code


def forget(request, path):
    """What a command before this one may have left in the process."""
    import dbt.deprecations
    from dbt_common.events.functions import reset_metadata_vars

    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv = ["dbt", *request["args"]]
    sys.path[:] = path
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reset_metadata_vars()
    dbt.deprecations.reset_deprecations()


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
    limits = []
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

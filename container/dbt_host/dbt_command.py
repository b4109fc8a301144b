"""
One command of dbt 1.x, called as the program `dbt` would call it, with the environment, folder and arguments of its own, and
without a second parse of the same project.
"""

import json
import os
import signal
import sys
import time
import traceback

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
# A model in Python may change it.
UMASK = os.umask(0o077)
os.umask(UMASK)


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
    os.umask(UMASK)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reset_metadata_vars()
    dbt.deprecations.reset_deprecations()

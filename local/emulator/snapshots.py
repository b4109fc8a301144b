"""Stores the state of the emulator now and then, so that a crash loses at most half a minute of it, of a large state more.

By itself the emulator stores everything when it ends politely, and objects at once. A snapshot is taken between two
requests, so that its parts fit together, and never while a stack is being made: nothing could go on with half a stack.
"""

import asyncio
import json
import logging
import os
import shutil
import threading
import time

from ministack import app
from ministack.core import persistence
from ministack.services import cloudformation, s3

logger = logging.getLogger("snapshots")

TICK_SECONDS = 1
SNAPSHOT_SECONDS = 30
LEAST_PAUSE = 20  # as many times as long as the last one took: all requests wait while a large state is copied

_lock = threading.Lock()  # held while files are written
_ended = False
_stored = {}  # service -> hash of the text of its file
_task = None  # the event loop itself keeps no task alive


def start():
    """Called in the event loop, after the stored state was loaded."""
    global _task
    _forget_unknown_buckets()
    save_all = app.save_all

    def save_last(services):
        # What a snapshot would still write is older than this.
        global _ended
        with _lock:
            _ended = True
            save_all(services)

    app.save_all = save_last
    if os.environ.get("TIDEMILL_SNAPSHOTS") == "off":  # of a benchmark, which needs nothing of it afterwards
        return
    _task = asyncio.get_running_loop().create_task(_loop())


async def _loop():
    at, stacks = time.monotonic(), _stacks()
    pause = SNAPSHOT_SECONDS
    while True:
        await asyncio.sleep(TICK_SECONDS)
        now = _stacks()
        # A deployment that has just ended is worth more than half a minute.
        if any(_in_progress(stack.get("StackStatus", "")) for stack in list(cloudformation._stacks._data.values())):
            continue
        if now == stacks and time.monotonic() - at < pause:
            continue
        began = time.monotonic()
        try:
            await asyncio.to_thread(_store, _states())
        except Exception:
            logger.exception("snapshot failed")
        at, stacks = time.monotonic(), now
        pause = max(SNAPSHOT_SECONDS, LEAST_PAUSE * (at - began))


def _stacks():
    """Changes with every step of every stack."""
    return {key: len(events) for key, events in cloudformation._stack_events._data.items()}


def _in_progress(status):
    # A change set that nobody runs leaves its stack in review for ever.
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def _states():
    """Copies of the states of all services that were used."""
    states = {}
    for name, get_state in app._build_persistence_save_dict().items():
        try:
            states[name] = get_state()
        except Exception:
            # Another thread changed it meanwhile (functions run in threads): the next snapshot has it.
            logger.warning("no snapshot of %s this time", name, exc_info=True)
    return states


def _store(states):
    for name, state in states.items():
        if state is None:
            continue
        wrapped = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
        text = json.dumps(wrapped, default=persistence._json_default)
        if _stored.get(name) == hash(text):
            continue
        with _lock:
            if _ended:
                return
            os.makedirs(persistence.STATE_DIR, exist_ok=True)
            path = os.path.join(persistence.STATE_DIR, f"{name}.json")
            with open(f"{path}.new", "w") as file:
                file.write(text)
            os.replace(f"{path}.new", path)
        _stored[name] = hash(text)


def _forget_unknown_buckets():
    # Objects are on disk at once. A bucket that was made after the last snapshot belongs to a stack that the emulator no
    # longer knows, and the next deployment would fail on its name.
    saved = persistence.load_state("s3") or {}
    known = getattr(saved.get("buckets_meta"), "_data", {})
    for account, bucket in s3._buckets._data.keys() - known.keys():
        logger.warning("bucket %s was made after the last snapshot: forgotten", bucket)
        del s3._buckets._data[(account, bucket)]
        shutil.rmtree(os.path.join(s3.DATA_DIR, account, bucket), ignore_errors=True)

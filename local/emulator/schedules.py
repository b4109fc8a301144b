"""Fires the emulator's schedules as EventBridge Scheduler does: time zones, context attributes, retries, dead letters.

What is due follows from the schedule alone: everything after the later of "this process started" and "the schedule was
last changed". So nothing has to be stored, nothing fires twice after a restart, and what came due while the local cloud
was down is left out.
"""

import json
import logging
import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from ministack.services import eventbridge, scheduler

import targets

logger = logging.getLogger("schedules")

TICK_SECONDS = 1
# Delivery to a Lambda or a queue takes milliseconds; a target that hangs must not hold up the clock.
DELIVERIES = ThreadPoolExecutor(max_workers=16, thread_name_prefix="schedule")

_started = time.time()
_cursors = {}  # state key -> (record, everything due up to this moment has fired, next moment)
_thread = None


def start():
    """Takes the place of scheduler.start_scheduler; safe to call twice."""
    global _thread
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_loop, daemon=True, name="schedules")
        _thread.start()


def _loop():
    while True:
        time.sleep(TICK_SECONDS)
        try:
            tick(time.time())
        except Exception:
            logger.exception("schedules: tick failed")


def tick(now):
    """Fires what is due at `now` (seconds since the epoch)."""
    for key, record in list(scheduler._schedules._data.items()):
        cached = _cursors.get(key)
        if cached is None or cached[0] is not record:
            cursor = max(_started, record.get("LastModificationDate") or 0) - 0.001
            cached = _cursors[key] = (record, cursor, next_firing(record, cursor))
        due = cached[2]
        if due is None:
            _end(key, record, now)
        elif due <= now:
            # A machine that slept fires once, for the latest moment that came due, like a late delivery of AWS.
            while (later := next_firing(record, due)) is not None and later <= now:
                due = later
            _cursors[key] = (record, due, later)
            if record.get("State") == "ENABLED":
                fire(key, record, due)
    for key in _cursors.keys() - scheduler._schedules._data.keys():
        del _cursors[key]


def _end(key, record, now):
    """A schedule that will not fire again goes, if it says so. One that never could (past `at`) ends like one that did."""
    end = scheduler._to_epoch(record.get("EndDate"))
    if record.get("ActionAfterCompletion") == "DELETE" and (end is None or now > end):
        scheduler._schedules._data.pop(key, None)


def next_firing(record, after):
    """First moment later than `after` at which the schedule is due, within its start and end date; None: never again."""
    start = scheduler._to_epoch(record.get("StartDate"))
    end = scheduler._to_epoch(record.get("EndDate"))
    if start is not None:
        after = max(after, start - 0.001)
    expression = record.get("ScheduleExpression", "")
    if expression.startswith("at("):
        due = _at(expression, _zone(record))
        due = due if due is not None and due > after else None
    elif (interval := eventbridge._parse_rate_seconds(expression)) is not None:
        # The first firing of a rate is at its start, or at its creation.
        anchor = start if start is not None else record.get("CreationDate", after)
        due = anchor + max(0, int((after - anchor) // interval) + 1) * interval
    else:
        due = next_cron(expression, _zone(record), after)
    return due if due is not None and (end is None or due <= end) else None


def next_cron(expression, zone, after):
    """As EventBridge: a local time that does not exist is left out, one that exists twice fires at its first."""
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        return None
    # The emulator's search knows L, W and #, but only one time zone: give it the wall clock as if it were UTC.
    wall = datetime.fromtimestamp(after, zone).replace(tzinfo=timezone.utc)
    while (wall := eventbridge._cron_next_fire(fields, wall)) is not None:
        local = wall.replace(tzinfo=zone, fold=0)
        due = local.timestamp()
        exists = datetime.fromtimestamp(due, zone).replace(tzinfo=None) == local.replace(tzinfo=None)
        if exists and due > after:
            return due
    return None


def _at(expression, zone):
    match = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", expression.strip())
    return datetime.fromisoformat(match[1]).replace(tzinfo=zone).timestamp() if match else None


def _zone(record):
    return ZoneInfo(record.get("ScheduleExpressionTimezone") or "UTC")


def fire(key, record, due):
    account, region, _ = key
    execution = str(uuid.uuid4())
    logger.info("schedule %s fires for %s", record["Name"], iso(due))
    DELIVERIES.submit(_deliver, account, region, record, due, execution, 1)


def _deliver(account, region, record, due, execution, attempt):
    target = record["Target"]
    text = substitute(target.get("Input") or _default_input(account, region, record, due), record, due, execution, attempt)
    try:
        targets.invoke(account, region, target, text)
    except targets.TargetError as error:
        policy = target.get("RetryPolicy") or {}
        attempts = int(policy.get("MaximumRetryAttempts", 185))
        wait = min(2 ** (attempt - 1), 300)
        too_old = time.time() + wait - due > float(policy.get("MaximumEventAgeInSeconds", 86400))
        if error.retryable and attempt <= attempts and not too_old:
            logger.warning("schedule %s, attempt %d: %s; again in %d s", record["Name"], attempt, error, wait)
            timer = threading.Timer(wait, _deliver, (account, region, record, due, execution, attempt + 1))
            timer.daemon = True
            timer.start()
            return
        logger.error("schedule %s given up after attempt %d: %s", record["Name"], attempt, error)
        exhausted = "MaximumEventAgeInSeconds" if too_old else "MaximumRetryAttempts"
        targets.dead_letter(account, region, record, text, error, iso(due), execution, attempt - 1, exhausted)
    except Exception:
        logger.exception("schedule %s: delivery failed", record["Name"])


def substitute(text, record, due, execution, attempt):
    """Fills the context attributes in, as they stand in the input of a target."""
    values = {
        "schedule-arn": record["Arn"],
        "scheduled-time": iso(due),
        "execution-id": execution,
        "attempt-number": str(attempt),
    }
    return re.sub(r"<aws\.scheduler\.([a-z-]+)>", lambda match: values.get(match[1], match[0]), text)


def _default_input(account, region, record, due):
    return json.dumps({
        "version": "0", "id": str(uuid.uuid4()), "detail-type": "Scheduled Event", "source": "aws.scheduler",
        "account": account, "time": iso(due), "region": region, "resources": [record["Arn"]], "detail": "{}",
    })


def iso(moment):
    return (datetime(1970, 1, 1) + timedelta(seconds=int(moment))).isoformat() + "Z"

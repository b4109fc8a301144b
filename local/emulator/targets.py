"""Calls the target of a schedule inside the emulator, and says whether another try can help."""

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import eventbridge, lambda_svc, sns, sqs


class TargetError(Exception):
    def __init__(self, code, message, retryable=True):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable


def invoke(account, region, target, text):
    """Delivers `text`; returns when the target has taken it (a Lambda is invoked asynchronously). Raises TargetError."""
    set_request_account_id(account)
    set_request_region(region)
    arn = target.get("Arn", "")
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        raise TargetError("ValidationException", f"not an ARN: {arn}", retryable=False) from None
    # The emulator's dispatchers log and go on when the target is gone: look first, so that retries and dead letters work.
    if spec.service == "lambda":
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            raise TargetError("ResourceNotFoundException", f"Function not found: {name}")
        eventbridge._dispatch_to_lambda(arn, text)
    elif spec.service == "sqs":
        if not sqs._queue_by_arn(arn):
            raise TargetError("QueueDoesNotExist", f"The specified queue does not exist: {arn}")
        eventbridge._dispatch_to_sqs(spec, text, target.get("SqsParameters") or {})
    elif spec.service == "sns":
        try:
            result = sns.publish_internal(arn, text, None)
        except sns.SnsPublishError as error:
            raise TargetError("InvalidParameter", str(error)) from error
        if result is None:
            raise TargetError("NotFound", f"Topic does not exist: {arn}")
    else:
        raise TargetError("ValidationException", f"local schedules have no target of this kind: {arn}", retryable=False)


def dead_letter(account, region, record, text, error, scheduled_time, execution, retries, exhausted):
    """Puts the input of a delivery that was given up into the dead-letter queue of the schedule, with why."""
    queue = ((record["Target"].get("DeadLetterConfig") or {}).get("Arn")) or ""
    if not queue:
        return
    set_request_account_id(account)
    set_request_region(region)
    found = sqs._queue_by_arn(queue)
    if not found:
        return
    eventbridge._dispatch_to_sqs(parse_arn(queue), text)
    attributes = {
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": error.message,
        "EXECUTION_ID": execution,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(retries),
        "SCHEDULED_TIME": scheduled_time,
        "SCHEDULE_ARN": record["Arn"],
        "TARGET_ARN": record["Target"]["Arn"],
        **({"EXHAUSTED_RETRY_CONDITION": exhausted} if error.retryable else {}),
    }
    found["messages"][-1]["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }

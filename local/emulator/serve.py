"""Starts the pinned emulator in this process, with the few corrections that Tidemill needs.

Every correction replaces one function of ministack 1.5.33 and says why. The lock file holds that version: after a change
of it, run the tests in test/local before anything else.

The environment must be clean, since every Lambda inherits all of it.
"""

import json
import os
import re

from ministack import app
from ministack.services import ecs, eventbridge, lambda_svc, scheduler
from ministack.services.cloudformation import provisioners

import schedules
import snapshots


def accept_events_of_aws():
    # PutEvents refuses sources that begin with "aws.", as AWS does for its customers. Here the process-backed ECS is a
    # part of AWS: its task state changes must reach the rules that wait for them.
    put_events = eventbridge._put_events
    eventbridge._put_events = lambda data, allow_aws_source=True: put_events(data, allow_aws_source=True)


def retry_functions_of_events():
    # EventBridge and Scheduler invoke a function asynchronously: a failed one is tried twice more, then goes to its
    # on-failure destination. The emulator does so for the Invoke call, not for its own events.
    def dispatch(arn, payload):
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            eventbridge.logger.warning("function %s not found", name)
            return
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch


def name_the_caller():
    # A Function URL with IAM authorisation tells its function who signed the request. The emulator looks only whether
    # there is a signature; on one machine the caller is the person who started it.
    build_event = lambda_svc._build_function_url_event
    user = os.environ.get("TIDEMILL_LOCAL_ACTOR", "local:unknown")

    def with_caller(url_id, account_id, *args, **kwargs):
        event = build_event(url_id, account_id, *args, **kwargs)
        if not kwargs.get("anonymous"):
            event["requestContext"]["authorizer"] = {
                "iam": {
                    "accessKey": os.environ.get("AWS_ACCESS_KEY_ID", ""),
                    "accountId": account_id,
                    "callerId": user,
                    "cognitoIdentity": None,
                    "principalOrgId": None,
                    "userArn": user,
                    "userId": user,
                }
            }
        return event

    lambda_svc._build_function_url_event = with_caller


def keep_properties_of_schedules():
    # CloudFormation here drops time zone, start and end date and what happens after the end, and lets a schedule that
    # exists already (409) pass as created.
    kept = (
        "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target", "State",
        "StartDate", "EndDate", "Description", "KmsKeyArn",
    )

    def body_of(props):
        return {"GroupName": props.get("GroupName", "default"), **{key: props[key] for key in kept if key in props}}

    def done(name, props, answer):
        status, _, body = answer
        if status >= 400:
            raise ValueError(f"AWS::Scheduler::Schedule {name}: {body.decode()}")
        return name, {"Arn": scheduler._schedule_arn(props.get("GroupName", "default"), name)}

    def create(logical_id, props, stack_name):
        name = props.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=64)
        return done(name, props, scheduler._create_schedule(name, body_of(props)))

    def update(physical_id, old_props, new_props, stack_name):
        same_place = new_props.get("GroupName") == old_props.get("GroupName") and new_props.get("Name", physical_id) == physical_id
        if not same_place or f"{new_props.get('GroupName', 'default')}/{physical_id}" not in scheduler._schedules:
            return create(physical_id, new_props, stack_name)
        return done(physical_id, new_props, scheduler._update_schedule(physical_id, body_of(new_props)))

    provisioners._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"].update(create=create, update=update)


def register_whole_task_definitions():
    # CloudFormation here drops some properties of a task definition (platform, disk) and leaves the names within others as
    # they stand in the template (`ValueFrom` of a secret). On AWS it calls RegisterTaskDefinition with all of them.
    maps_with_names_of_their_own = {"options", "dockerLabels", "driverOpts", "labels"}

    def to_api(value):
        if isinstance(value, list):
            return [to_api(item) for item in value]
        if not isinstance(value, dict):
            return value
        # `Name` is `name`, `EFSVolumeConfiguration` is `efsVolumeConfiguration`.
        named = {re.sub(r"^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]", lambda m: m[0].lower(), key): item for key, item in value.items()}
        return {key: item if key in maps_with_names_of_their_own else to_api(item) for key, item in named.items()}

    register_definition = ecs._register_task_definition

    def register(data):
        status, headers, body = register_definition(data)
        if status >= 400:
            return status, headers, body
        # ECS does not show what was not set; here it would be null.
        answer = json.loads(body)
        shown = {key: value for key, value in answer["taskDefinition"].items() if value is not None}
        ecs._task_defs[f"{shown['family']}:{shown['revision']}"] = shown
        return status, headers, json.dumps({**answer, "taskDefinition": shown}).encode()

    def create(logical_id, props, stack_name):
        status, _, body = register({"family": f"{stack_name}-{logical_id}", **to_api(props)})
        answer = json.loads(body)
        if status >= 400:
            raise ValueError(f"AWS::ECS::TaskDefinition {logical_id}: {answer.get('message')}")
        arn = answer["taskDefinition"]["taskDefinitionArn"]
        return arn, {"TaskDefinitionArn": arn}

    ecs._ACTION_MAP["RegisterTaskDefinition"] = register
    # The emulator's update calls it by this name.
    provisioners._ecs_task_def_create = create
    provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"] = create


def watch_one_metric_of_an_alarm():
    # CloudFormation here refuses alarms on a sum of metrics. Nobody is woken up on one machine: the first of them stands for it.
    handlers = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
    create, update = handlers["create"], handlers["update"]

    def one(props):
        stats = [each["MetricStat"] for each in props.get("Metrics", []) if "MetricStat" in each]
        if not stats:
            return props
        rest = {key: value for key, value in props.items() if key != "Metrics"}
        return {**rest, **stats[0]["Metric"], "Statistic": stats[0]["Stat"], "Period": stats[0]["Period"]}

    handlers.update(
        create=lambda logical_id, props, stack_name: create(logical_id, one(props), stack_name),
        update=lambda physical_id, old, new, *more, **named: update(physical_id, one(old), one(new), *more, **named),
    )


def start_own_clocks():
    # Of schedules the emulator's own loop ticks every 10 s in UTC and knows neither context attributes nor retries.
    def start():
        schedules.start()
        snapshots.start()

    scheduler.start_scheduler = start


accept_events_of_aws()
retry_functions_of_events()
name_the_caller()
keep_properties_of_schedules()
register_whole_task_definitions()
watch_one_metric_of_an_alarm()
start_own_clocks()

if __name__ == "__main__":
    app.main()

"""moto's server with its interpreter of the states language on, whose Lambda functions are the project's handlers.

usage: python moto_states.py PORT BRIDGE_URL

Four things of moto are replaced, each for the reason given beside it. None of them decides which state comes next, what
a Retry or a Catch matches, or what a path selects: that is what is compared.
"""
import json
import sys
import urllib.request

from moto.core.config import default_user_config

# Off by default: moto would only note what it was asked to run.
default_user_config["stepfunctions"]["execute_state_machine"] = True

from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

PORT, BRIDGE = sys.argv[1:3]


def invoke(parameters, region, state_credentials):
    """1. Lambda. moto runs functions in Docker containers; here the test process answers as Lambda's Invoke does."""
    call = {"function": parameters["FunctionName"], "payload": json.loads(parameters["Payload"])}
    request = urllib.request.Request(BRIDGE, json.dumps(call).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", **json.load(response)}


lambda_eval_utils._invoke_lambda_function = invoke


class NoTime:
    """2. The waits of Retry: minutes that prove nothing. How long each is, is computed by moto and then not waited."""

    @staticmethod
    def sleep(seconds):
        pass


retrier_decl.time = NoTime

# 3. The waits of Wait states, likewise; their seconds are still read from the state's input.
WaitFunction._wait_interval = lambda self, env, wait_seconds: None

_call = StateTaskServiceSfn._eval_service_task


def start_execution(self, env, resource_runtime_part, normalised_parameters, state_credentials):
    """4. startExecution. moto 5.2.5 hands `StateMachineArn` on to boto as it is, which knows `stateMachineArn` only, so
    that each such Task ends in States.Runtime. Its answer has the capitals and the time in seconds that AWS documents:
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html"""
    lowered = {key[0].lower() + key[1:]: value for key, value in normalised_parameters.items()}
    _call(self, env, resource_runtime_part, lowered, state_credentials)
    started = env.stack.pop()
    env.stack.append({"ExecutionArn": started["executionArn"], "StartDate": started["startDate"].timestamp()})


StateTaskServiceSfn._eval_service_task = start_execution

from moto.server import main

main(["-H", "127.0.0.1", "-p", PORT])

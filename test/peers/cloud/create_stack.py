"""Creates the synthesised stack in moto and says what came of each resource.

usage: python create_stack.py ENDPOINT ASSEMBLY   (the directory that `cdk synth` wrote)

CloudFormation of moto makes what it knows. The types that it does not know are made by the services' own APIs, whose
parameters botocore checks against AWS's models, and are listed below with the call; a type that is in neither list is an
error. Answers JSON on standard output.
"""
import json
import pathlib
import shutil
import sys
import tempfile
import time

import boto3

ENDPOINT, ASSEMBLY = sys.argv[1], pathlib.Path(sys.argv[2])
STACK, ACCOUNT, REGION = "ChromaCompactor", "123456789012", "us-east-1"
ASSETS = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")


def put_alarm(name, p):
    client("cloudwatch").put_metric_alarm(AlarmName=name, **p)


def put_dashboard(name, p):
    client("cloudwatch").put_dashboard(**p)


def put_queue_policy(name, p):
    for url in p["Queues"]:
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(p["PolicyDocument"])})


def put_topic_policy(name, p):
    for topic in p["Topics"]:
        policy = json.dumps(p["PolicyDocument"])
        client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def subscribe(name, p):
    client("sns").subscribe(**p)


def put_invoke_config(name, p):
    client("lambda").put_function_event_invoke_config(**p)


def put_vpc_endpoint(name, p):
    tags = [{"ResourceType": "vpc-endpoint", "Tags": p.pop("Tags", [])}]
    client("ec2").create_vpc_endpoint(**{**p, "PolicyDocument": json.dumps(p["PolicyDocument"]), "TagSpecifications": tags})


def authorize_egress(name, p):
    permission = {"IpProtocol": p["IpProtocol"], "FromPort": p["FromPort"], "ToPort": p["ToPort"]}
    permission["UserIdGroupPairs"] = [{"GroupId": p["DestinationSecurityGroupId"]}]
    client("ec2").authorize_security_group_egress(GroupId=p["GroupId"], IpPermissions=[permission])


def put_bucket_policy(name, p):
    client("s3").put_bucket_policy(Bucket=p["Bucket"], Policy=json.dumps(p["PolicyDocument"]))


# Types that moto's CloudFormation does not know, or whose template it does not read, and the call that makes them.
BY_API = {
    "AWS::CloudWatch::Alarm": put_alarm,
    "AWS::CloudWatch::Dashboard": put_dashboard,
    "AWS::SQS::QueuePolicy": put_queue_policy,
    "AWS::SNS::TopicPolicy": put_topic_policy,
    "AWS::SNS::Subscription": subscribe,
    "AWS::Lambda::EventInvokeConfig": put_invoke_config,
    "AWS::S3::BucketPolicy": put_bucket_policy,
    "AWS::EC2::VPCEndpoint": put_vpc_endpoint,
    "AWS::EC2::SecurityGroupEgress": authorize_egress,
}

template = json.loads((ASSEMBLY / f"{STACK}.template.json").read_text())
assets = json.loads((ASSEMBLY / f"{STACK}.assets.json").read_text())
s3, cfn = client("s3"), client("cloudformation")

# What `cdk bootstrap` and `cdk-assets` leave behind.
client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True)
s3.create_bucket(Bucket=ASSETS)
with tempfile.TemporaryDirectory() as scratch:
    for asset in assets["files"].values():
        source = ASSEMBLY / asset["source"]["path"]
        if asset["source"]["packaging"] == "zip":
            source = pathlib.Path(shutil.make_archive(f"{scratch}/{source.name}", "zip", source))
        for destination in asset["destinations"].values():
            s3.upload_file(str(source), ASSETS, destination["objectKey"])

known = json.loads(json.dumps(template))
by_api = {name: known["Resources"].pop(name) for name, r in template["Resources"].items() if r["Type"] in BY_API}
for resource in known["Resources"].values():
    depends = resource.get("DependsOn", [])
    depends = [depends] if isinstance(depends, str) else depends
    resource["DependsOn"] = [name for name in depends if name not in by_api]
s3.put_object(Bucket=ASSETS, Key="template.json", Body=json.dumps(known))
cfn.create_stack(
    StackName=STACK, TemplateURL=f"https://s3.amazonaws.com/{ASSETS}/template.json", Capabilities=["CAPABILITY_IAM"]
)
deadline = time.monotonic() + 120
while True:
    stack = cfn.describe_stacks(StackName=STACK)["Stacks"][0]
    if not stack["StackStatus"].endswith("IN_PROGRESS") or time.monotonic() > deadline:
        break
    time.sleep(0.2)
ids = {}
for page in cfn.get_paginator("list_stack_resources").paginate(StackName=STACK):
    for resource in page["StackResourceSummaries"]:
        ids[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]


def arn(name):
    kind, physical = template["Resources"][name]["Type"], ids.get(name, name)
    if physical.startswith("arn:"):
        return physical
    last = physical.rsplit("/", 1)[-1]
    return {
        "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{last}",
        "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{physical}",
        "AWS::S3::Bucket": f"arn:aws:s3:::{physical}",
        "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{physical}",
        "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{physical}",
        "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{physical}",
        "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{physical}",
    }[kind]


PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": STACK,
}


def resolve(value):
    """The few functions that these resources use."""
    if isinstance(value, list):
        return [resolve(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return PSEUDO.get(value["Ref"]) or ids.get(value["Ref"], value["Ref"])
    if set(value) == {"Fn::GetAtt"}:
        name, attribute = value["Fn::GetAtt"]
        if attribute == "QueueName":
            return ids[name].rsplit("/", 1)[-1]
        return ids[name] if attribute == "GroupId" else arn(name)
    if set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return separator.join(str(resolve(part)) for part in parts)
    return {key: resolve(item) for key, item in value.items()}


refused = {}
for name, resource in by_api.items():
    try:
        BY_API[resource["Type"]](name, resolve(resource["Properties"]))
    except Exception as error:  # Whatever a service or botocore says is the finding.
        refused[name] = f"{resource['Type']}: {type(error).__name__}: {error}"

# moto's interpreter does not see the machines that its CloudFormation makes, so they are registered with it as well.
machines = {}
for name, resource in template["Resources"].items():
    if resource["Type"] != "AWS::StepFunctions::StateMachine":
        continue
    wanted = ("StateMachineName", "StateMachineType", "DefinitionString", "DefinitionSubstitutions", "RoleArn")
    p = resolve({key: resource["Properties"][key] for key in wanted})
    definition = p["DefinitionString"]
    for key, value in p["DefinitionSubstitutions"].items():
        definition = definition.replace("${%s}" % key, value)
    try:
        made = client("stepfunctions").create_state_machine(
            name=p["StateMachineName"], definition=definition, roleArn=p["RoleArn"], type=p["StateMachineType"]
        )
        machines[name] = made["stateMachineArn"]
    except client("stepfunctions").exceptions.StateMachineAlreadyExists:
        machines[name] = ids[name]


def kinds(resources):
    return sorted({resource["Type"] for resource in resources.values()})


rules = []
for rule in client("events").list_rules()["Rules"]:
    rules.append({**rule, "Targets": client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]})
functions = {}
for name, resource in template["Resources"].items():
    if resource["Type"] == "AWS::Lambda::Function":
        configuration = client("lambda").get_function_configuration(FunctionName=ids[name])
        functions[name] = {
            "arn": configuration["FunctionArn"],
            "environment": configuration.get("Environment", {}).get("Variables", {}),
            "timeout": configuration["Timeout"],
            "memory": configuration["MemorySize"],
        }
report = {
    "status": stack["StackStatus"],
    "reason": stack.get("StackStatusReason"),
    "resources": len(template["Resources"]),
    "byCloudFormation": kinds({name: template["Resources"][name] for name in ids if name in known["Resources"]}),
    "missing": sorted(set(known["Resources"]) - set(ids)),
    "byApi": kinds(by_api),
    "made": len(set(ids) & set(known["Resources"])) + len(by_api) - len(refused),
    "refused": refused,
    "ids": ids,
    "machines": machines,
    "outputs": {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
    "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
    "rules": rules,
    "functions": functions,
}
print(json.dumps(report, default=str))

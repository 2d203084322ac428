#!/usr/bin/env bash
# ministack's change sets list resources whose condition is false, and refuse what its UpdateStack carries out.
#
# Packages: ministack 1.5.33, boto3 1.43.106 (ministack pins botocore 1.43.106).
# Expected: as in CloudFormation, a change set lists what its execution will do, and one that switches a resource
#   on through a condition, or changes Outputs alone, can be executed.
# Behaviour: a change set is the difference between the Resources of two templates. Conditions are not evaluated
#   for it, though they are for the deployment, and Outputs are not compared. So whatever deploys by change
#   sets, `aws cloudformation deploy` for one, sees no changes where UpdateStack works.
# Seen: first set: Add Extra, Add Topic; stack: Topic; set with Extra switched on: FAILED, set with another
#   output: FAILED (The submitted information didn't contain changes. ...); UpdateStack: UPDATE_COMPLETE,
#   Extra and Topic, 2 outputs
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset AWS_PROFILE
export TMPDIR="$work" AWS_CONFIG_FILE=/dev/null AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'ministack==1.5.33' 'boto3==1.43.106'
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import contextlib, json, os, socket, subprocess, time, urllib.request

import boto3

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "cloudformation,sns",
            "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "DOCKER_HOST": f"unix://{os.getcwd()}/none"}
endpoint = f"http://127.0.0.1:{port}"
engine = subprocess.Popen(["venv/bin/ministack"], env={**os.environ, **settings},
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
client = boto3.client("cloudformation", region_name="us-east-1", endpoint_url=endpoint)


def template(extra, **outputs):
    return json.dumps({
        "Conditions": {"WithExtra": {"Fn::Equals": [extra, "yes"]}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"},
                      "Extra": {"Type": "AWS::SNS::Topic", "Condition": "WithExtra"}},
        "Outputs": {name: {"Value": value} for name, value in {"One": "1", **outputs}.items()},
    })


def change_set(name, body, kind="UPDATE"):
    client.create_change_set(StackName="demo", ChangeSetName=name, ChangeSetType=kind, TemplateBody=body)
    answer = client.describe_change_set(StackName="demo", ChangeSetName=name)
    changes = [change["ResourceChange"] for change in answer["Changes"]]
    return answer["Status"], [f"{each['Action']} {each['LogicalResourceId']}" for each in changes]


def stack():
    described = client.describe_stacks(StackName="demo")["Stacks"][0]
    resources = client.describe_stack_resources(StackName="demo")["StackResources"]
    return described["StackStatus"], sorted(each["LogicalResourceId"] for each in resources), len(described["Outputs"])


try:
    for _ in range(300):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5):
            break
        time.sleep(0.1)
    seen = [change_set("first", template("no"), "CREATE")]
    client.execute_change_set(StackName="demo", ChangeSetName="first")
    client.get_waiter("stack_create_complete").wait(StackName="demo", WaiterConfig={"Delay": 1})
    seen += [stack(), change_set("on", template("yes")), change_set("output", template("no", Two="2"))]
    client.update_stack(StackName="demo", TemplateBody=template("yes", Two="2"))
    client.get_waiter("stack_update_complete").wait(StackName="demo", WaiterConfig={"Delay": 1})
    seen.append(stack())
finally:
    engine.terminate()
    engine.wait()

stated = [("CREATE_COMPLETE", ["Add Extra", "Add Topic"]), ("CREATE_COMPLETE", ["Topic"], 1), ("FAILED", []),
          ("FAILED", []), ("UPDATE_COMPLETE", ["Extra", "Topic"], 2)]
if seen != stated:
    raise SystemExit(f"no longer so: first set, stack, two sets more, stack after UpdateStack: {seen}")
print(f"as stated: first set: {seen[0]}, stack: {seen[1]}; Extra switched on: {seen[2]}, another output: {seen[3]};",
      f"after UpdateStack: {seen[4]}")
PYTHON

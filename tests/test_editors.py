"""What editors and linters make of templates: the schema for completion, cfn-lint as the guide runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from packager import editor
from packager.project import OURS, PACKAGE, ROOT, SCHEMA, TypeName, renamed, schema
from sandbox.shared import template_yaml

Json = dict[str, Any]

LINTER = Path(sys.executable).with_name("cfn-lint")
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
ACME = TypeName.registrable("Acme::SageMaker::ModelPackage")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.4.2"


# --- the schema of templates ------------------------------------------------------------------------


def without_tag(_tag: str, value: Any) -> Any:
    """The value behind a short tag, as a language server for YAML reads it."""
    return value


TAGS = pytest.mark.parametrize("tag", [template_yaml.long_form, without_tag])


def faults(template: Any, name: TypeName = OURS) -> list[str]:
    """Where the schema says that a template is wrong, as deep as it knows."""
    validator = jsonschema.Draft7Validator(json.loads(editor.content(name)))
    found = []
    for error in validator.iter_errors(template):
        deepest = error
        while deepest.context:
            # The other branches are for functions, of which a wrong value is none.
            deepest = max(
                (each for each in deepest.context if each.schema_path[0] == 0),
                key=lambda each: len(each.absolute_path),
            )
        found.append("/".join(map(str, deepest.absolute_path)) + f": {deepest.validator}")
    return found


def test_the_file_is_what_the_schema_says() -> None:
    assert editor.TARGET.read_text(encoding="utf-8") == editor.content(), "run `make generate`"
    jsonschema.Draft7Validator.check_schema(editor.template())


def test_the_schema_for_the_linter_is_the_types() -> None:
    """cfn-lint takes every JSON file in a folder for a schema, so it has one of its own."""
    (only,) = (ROOT / "editors" / "schemas").iterdir()
    assert only.samefile(SCHEMA)


@TAGS
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_right(example: Path, tag: template_yaml.Tag) -> None:
    assert faults(template_yaml.load(example.read_text(encoding="utf-8"), tag)) == []


def test_every_property_is_offered_with_its_description() -> None:
    whole, read_only = schema(), {each.rsplit("/", 1)[1] for each in schema()["readOnlyProperties"]}
    offered = editor.template()["definitions"]["package"]["properties"]
    assert {name: each["description"] for name, each in offered.items()} == {
        name: each["description"] for name, each in whole["properties"].items() if name not in read_only
    }


def package(properties: str, **others: Any) -> Json:
    """A template with one package in a group."""
    found = {"ModelPackageGroupName": "fraud", **template_yaml.load(properties)}
    return {"Resources": {"Model": {"Type": OURS.name, "Properties": found}, **others}}


AT = "Resources/Model/Properties"


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        pytest.param("{Domian: x}", f"{AT}: additionalProperties", id="a misspelt property"),
        pytest.param(
            "{InferenceSpecification: {Containers: [{Imagee: x}]}}",
            f"{AT}/InferenceSpecification/Containers/0: additionalProperties",
            id="a misspelt member",
        ),
        pytest.param(
            "{InferenceSpecification: {ModelDataUrl: s3://b/m, Containers: [{Image: x}]}}",
            f"{AT}/InferenceSpecification: additionalProperties",
            id="a member one level too high",
        ),
        pytest.param("{Tags: {team: risk}}", f"{AT}/Tags: type", id="a map for a list"),
        pytest.param(
            "{InferenceSpecification: {Containers: {Image: x}}}",
            f"{AT}/InferenceSpecification/Containers: type",
            id="an object for a list",
        ),
        pytest.param(
            "{InferenceSpecification: [{Containers: [{Image: x}]}]}",
            f"{AT}/InferenceSpecification: type",
            id="a list for an object",
        ),
        pytest.param(
            "{InferenceSpecification: {Containers: [{Image: x}], SupportedContentTypes: text/csv}}",
            f"{AT}/InferenceSpecification/SupportedContentTypes: type",
            id="a text for a list",
        ),
        pytest.param(
            "{ModelCard: {ModelCardContent: {model_overview: {}}}}",
            f"{AT}/ModelCard/ModelCardContent: type",
            id="an object for a text",
        ),
        pytest.param(
            "{ModelLifeCycle: {Stage: Production}}", f"{AT}/ModelLifeCycle: required", id="a missing member"
        ),
        pytest.param(
            "{InferenceSpecification: {Containers: []}}",
            f"{AT}/InferenceSpecification/Containers: minItems",
            id="an empty list",
        ),
        pytest.param("{ModelApprovalStatus: approved}", f"{AT}/ModelApprovalStatus: enum", id="another case"),
        pytest.param("{ModelPackageStatus: Completed}", f"{AT}: additionalProperties", id="a return value"),
        pytest.param(
            "{Environment: {LOG-LEVEL: info}}", f"{AT}/Environment: additionalProperties", id="a key"
        ),
    ],
)
def test_what_is_wrong_is_found_where_it_is(properties: str, found: str) -> None:
    assert faults(package(properties)) == [found]


def test_an_attribute_that_no_resource_has_is_found() -> None:
    template = package("{}")
    template["Resources"]["Model"]["ModelApprovalStatus"] = "Approved"
    assert faults(template) == ["Resources/Model: additionalProperties"]


@TAGS
def test_any_value_may_be_a_function_and_other_types_are_open(tag: template_yaml.Tag) -> None:
    text = f"""
    Conditions:
      IsProduction: !Equals [!Ref Stage, prod]
    Resources:
      Bucket:
        Type: AWS::S3::Bucket
        Anything: [1]
      Model:
        Type: {OURS.name}
        DeletionPolicy: !If [IsProduction, Retain, Delete]
        Properties:
          ModelPackageGroupName: !GetAtt Group.ModelPackageGroupArn
          ModelApprovalStatus: !If [IsProduction, Approved, !Ref AWS::NoValue]
          CertifyForMarketplace: !Ref Certify
          InferenceSpecification:
            Containers:
              - !If [IsProduction, {{Image: a}}, {{Image: b}}]
              - Image: !Sub "${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.amazonaws.com/fraud"
                ModelDataUrl: !Join ["", ["s3://", !Ref Bucket, /model.tar.gz]]
                Environment: !If [IsProduction, {{A: b}}, !Ref AWS::NoValue]
            SupportedContentTypes: !Split [",", !ImportValue types]
            SupportedRealtimeInferenceInstanceTypes: !Ref Types
          SecurityConfig: !GetAtt Nested.Outputs.Key
          Tags:
            Fn::Transform: {{Name: Tags}}
    """
    assert faults(template_yaml.load(text, tag)) == []


def test_under_another_name_it_is_for_that_type() -> None:
    wrong = package("{Domian: x}")
    assert faults(wrong, ACME) == []
    wrong["Resources"]["Model"]["Type"] = ACME.name
    assert faults(wrong, ACME) == [f"{AT}: additionalProperties"]
    assert faults(wrong) == []


# --- cfn-lint ---------------------------------------------------------------------------------------


def lint(folder: Path, *arguments: str | Path) -> dict[str, list[str]]:
    """What cfn-lint says, run in a folder: rule and message by the template's name."""
    command = [str(LINTER), "--format", "json", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    found: dict[str, list[str]] = {}
    for match in json.loads(done.stdout):
        said = f"{match['Rule']['Id']} {match['Message']}"
        found.setdefault(Path(match["Filename"]).stem, []).append(said)
    return found


def write(folder: Path, **templates: str) -> list[Path]:
    """Templates as files; a template is what stands below `Properties` of one package, or a whole one."""
    paths = []
    for name, text in templates.items():
        paths.append(folder / f"{name}.yaml")
        if "Resources:" not in text:
            indented = "".join(f"      {line}\n" for line in text.strip().splitlines())
            text = f"Resources:\n  Model:\n    Type: {OURS.name}\n    Properties:\n{indented}"  # noqa: PLW2901
        paths[-1].write_text(text, encoding="utf-8")
    return paths


# What may look odd and is right.
RIGHT = {
    "one_name_or_the_other": f"""
Parameters:
  Group:
    Type: String
    Default: ""
  ModelData:
    Type: String
Conditions:
  IsVersion: !Not [!Equals [!Ref Group, ""]]
  IsUnversioned: !Equals [!Ref Group, ""]
Resources:
  Model:
    Type: {OURS.name}
    Properties:
      ModelPackageGroupName: !If [IsVersion, !Ref Group, !Ref AWS::NoValue]
      ModelPackageName: !If [IsUnversioned, fraud, !Ref AWS::NoValue]
      ModelApprovalStatus: !If [IsVersion, Approved, !Ref AWS::NoValue]
      InferenceSpecification:
        Containers:
          - !If [IsVersion, {{Image: {IMAGE}}}, !Ref AWS::NoValue]
          - Image: {IMAGE}
            ModelDataUrl: !Ref ModelData
            Environment: !If [IsVersion, {{LOG_LEVEL: info}}, !Ref AWS::NoValue]
        SupportedTransformInstanceTypes: !If [IsUnversioned, [ml.m5.xlarge], !Ref AWS::NoValue]
        SupportedRealtimeInferenceInstanceTypes: [ml.m5.large]
""",
    "a_condition_of_the_whole_resource": f"""
Parameters:
  Stage:
    Type: String
Conditions:
  IsProduction: !Equals [!Ref Stage, prod]
Resources:
  Model:
    Type: {OURS.name}
    Condition: IsProduction
    Metadata: {{cfn-lint: {{config: {{ignore_checks: [W1028]}}}}}}
    Properties:
      ModelPackageGroupName: fraud
      ModelPackageName: !If [IsProduction, !Ref AWS::NoValue, fraud]
      SourceUri: s3://ml-models-123456789012/fraud/
""",
    "what_is_only_known_when_it_is_deployed": f"""
Parameters:
  Types:
    Type: CommaDelimitedList
  Content:
    Type: String
  First:
    Type: String
  Second:
    Type: String
Resources:
  Bucket:
    Type: AWS::S3::Bucket
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: []}}
  Repository:
    Type: AWS::ECR::Repository
  Model:
    Type: {OURS.name}
    Properties:
      InferenceSpecification:
        Containers:
          - Image: !Sub "${{Repository.RepositoryUri}}:1.4.2"
            ModelDataUrl: !Sub "s3://${{Bucket}}/model.tar.gz"
          - Image: !Join [":", [!GetAtt Repository.RepositoryUri, latest]]
            ModelDataUrl: "{{{{resolve:ssm:/fraud/model}}}}"
        SupportedTransformInstanceTypes: !Ref Types
        SupportedRealtimeInferenceInstanceTypes: !Ref Types
      AdditionalInferenceSpecifications:
        - Name: !Ref First
          Containers: [{{Image: {IMAGE}}}]
        - Name: !Ref Second
          Containers: [{{Image: {IMAGE}}}]
      ValidationSpecification:
        ValidationRole: !GetAtt Role.Arn
        ValidationProfiles: []
      ModelCard:
        ModelCardStatus: Draft
        ModelCardContent: !Ref Content
      Tags:
        - Key: !Ref First
          Value: a
        - Key: !Ref Second
          Value: b
""",
    "a_group_and_a_version_in_it": f"""
Resources:
  Group:
    Type: AWS::SageMaker::ModelPackageGroup
    Properties:
      ModelPackageGroupName: fraud
  Model:
    Type: {OURS.name}
    Properties:
      ModelPackageGroupName: !Ref Group
      SourceUri: s3://ml-models-123456789012/fraud/
""",
    "what_functions_put_together": f"""
Parameters:
  Uri:
    Type: String
  Registry:
    Type: String
Resources:
  Bucket:
    Type: AWS::S3::Bucket
  Repository:
    Type: AWS::ECR::Repository
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: []}}
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates.s3.amazonaws.com/groups.yaml
  Group:
    Type: AWS::SageMaker::ModelPackageGroup
    Properties:
      ModelPackageGroupName: fraud
  Own:
    Type: Custom::Group
    Properties:
      ServiceToken: arn:aws:lambda:us-east-1:123456789012:function:group
  InAStack:
    Type: {OURS.name}
    Properties:
      ModelPackageGroupName: !GetAtt Nested.Outputs.Group
      Task: TEXT_CLASSIFICATION
      Domain: fraud
      InferenceSpecification:
        Containers:
          - Image: !Sub "${{Registry}}/${{Repository}}:1"
            ModelDataUrl: !Sub "${{Uri}}/${{Bucket}}/model.tar.gz"
          - Image: !Join ["", [!GetAtt Repository.RepositoryUri, "@sha256:{"0" * 64}"]]
            ModelDataUrl: !Sub "https://${{Bucket.RegionalDomainName}}/model.tar.gz"
          - Image: !GetAtt Repository.RepositoryUri
            ModelDataUrl: !Sub ["s3://${{There}}/model.tar.gz", {{There: !Ref Bucket}}]
          - Image: {IMAGE}
            ModelDataUrl: !Sub "s3://${{Uri}}"
          - Image: {IMAGE}
            ModelDataUrl: s3://arn:aws:s3:us-east-1:123456789012:accesspoint/Models/model.tar.gz
        SupportedContentTypes: ['multipart/mixed; boundary="a,b"']
  InAnother:
    Type: {OURS.name}
    Properties:
      ModelPackageGroupName: !Ref Own
      SourceUri: !Join ["", ["s3://", !Ref Bucket, /fraud/]]
      ValidationSpecification:
        ValidationRole: !Sub "arn:aws:iam::${{AWS::AccountId}}:role/${{Role}}"
        ValidationProfiles: []
      CustomerMetadataProperties: {{bucket: Bucket, group: Group}}
  InOurs:
    Type: {OURS.name}
    Properties:
      ModelPackageGroupName: !Sub "${{Group.ModelPackageGroupArn}}"
""",
    "a_version_with_a_group_alone": "ModelPackageGroupName: fraud",
    "tags_that_the_cdk_repeats": f"""
Resources:
  Model:
    Type: {OURS.name}
    Properties:
      ModelPackageGroupName: fraud
      SourceUri: s3://ml-models-123456789012/fraud/
      Tags:
        - Key: team
          Value: risk
    Metadata:
      aws:cdk:path: Stack/Model
""",
    "a_new_family_of_instances": f"""
ModelPackageGroupName: fraud
InferenceSpecification:
  Containers:
    - Image: {IMAGE}
  SupportedRealtimeInferenceInstanceTypes: [ml.z99.xlarge]
""",
    "no_tags_at_all": "ModelPackageGroupName: fraud\nSourceUri: s3://ml-models-123456789012/fraud/\nTags: []",
}


WRONG_UNDER_A_CONDITION = f"""
Parameters:
  Stage:
    Type: String
Conditions:
  IsProduction: !Equals [!Ref Stage, prod]
Resources:
  Model:
    Type: {OURS.name}
    Properties:
      ModelPackageGroupName: fraud
      ModelPackageName: !If [IsProduction, fraud, !Ref AWS::NoValue]
      InferenceSpecification:
        Containers:
          - !If [IsProduction, {{Image: {IMAGE}}}, {{Imagee: {IMAGE}}}]
"""
# The schema that cfn-lint ships for AWS's own type does not have this property.
ONLY_OURS = "ModelPackageGroupName: fraud\nSourceUri: s3://b/m/\nModelLifeCycle: {Stage: Prod, %s: Approved}"
SLIP = "StageStatsu"
SAID = f"E9100 ModelLifeCycle.{SLIP} is not a property of this type; did you mean StageStatus?"
SAID_BY_SCHEMA = (
    f"E3002 Additional properties are not allowed ('{SLIP}' was unexpected. Did you mean 'StageStatus'?)"
)


def test_the_linter_speaks_of_what_is_wrong_alone(tmp_path: Path) -> None:
    assert len(EXAMPLES) > 1
    found = lint(ROOT, *EXAMPLES, *write(tmp_path, **RIGHT, wrong_under_a_condition=WRONG_UNDER_A_CONDITION))
    assert found.keys() == {"wrong_under_a_condition"}
    said = " ".join(found["wrong_under_a_condition"])
    assert "E9100 ModelPackageName and ModelPackageGroupName cannot both be set" in said
    assert "E9100 InferenceSpecification.Containers[0].Imagee is not a property" in said


def test_our_schema_is_used_in_place_of_the_shipped_one_in_every_region(tmp_path: Path) -> None:
    paths = write(tmp_path, right=ONLY_OURS % "StageStatus", wrong=ONLY_OURS % SLIP)
    regions = ("us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1")
    # cfn-lint's lists of types lack ours in these.
    unlisted = ("ap-east-2", "us-gov-east-1")
    for group in (regions, unlisted):
        found = lint(ROOT, "--regions", *group, "--", *paths)
        assert found.keys() == {"wrong"}
        assert {SAID, SAID_BY_SCHEMA} <= set(found["wrong"])


def test_the_schema_alone_in_a_folder_is_enough_for_what_a_schema_can_say(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / SCHEMA.name).write_text(SCHEMA.read_text(encoding="utf-8"), encoding="utf-8")
    paths = write(tmp_path, right=ONLY_OURS % "StageStatus", wrong=ONLY_OURS % SLIP)
    found = lint(tmp_path, "--registry-schemas", "schemas", "--", *paths)
    assert found.keys() == {"wrong"}
    assert SAID_BY_SCHEMA in found["wrong"]


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """What belongs to linting of the project that is built under another type's name."""
    found = [each for folder in (ROOT / "editors", PACKAGE) for each in folder.rglob("*") if each.is_file()]
    for file in [ROOT / ".cfnlintrc", *found]:
        if file.suffix in ("", ".json", ".py"):
            there = tmp_path / renamed(file.relative_to(ROOT).as_posix(), ACME)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(renamed(file.read_text(encoding="utf-8"), ACME), encoding="utf-8")
    return tmp_path


def test_under_another_name_the_linter_says_the_same(acme: Path) -> None:
    paths = write(acme, right=ONLY_OURS % "StageStatus", wrong=ONLY_OURS % SLIP)
    for path in paths:
        path.write_text(renamed(path.read_text(encoding="utf-8"), ACME), encoding="utf-8")
    found = lint(acme, *paths)
    assert found.keys() == {"wrong"}
    assert {SAID, SAID_BY_SCHEMA} <= set(found["wrong"])
    # Of types with such names cfn-lint checks nothing by itself. Once it does,
    # editors/rules/registered_types.py is not needed any more.
    (acme / ".cfnlintrc").unlink()
    assert lint(acme, "--registry-schemas", "editors/schemas", "--", *paths) == {}


# --- what the guide says of settings ----------------------------------------------------------------

GUIDE = (ROOT / "guides" / "editors.md").read_text(encoding="utf-8")


def block(containing: str) -> str:
    """The fenced block of the guide that is no command and contains a text."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    (found,) = [text for kind, text in blocks if not kind and containing in text]
    return str(found)


def test_the_settings_for_vs_code_name_what_there_is() -> None:
    settings = json.loads(block("yaml.schemas"))
    (schema_file,) = settings["yaml.schemas"]
    assert (ROOT / schema_file).samefile(editor.TARGET)
    assert (ROOT / settings["cfnLint.path"]).exists()
    tags = {each.split()[0] for each in settings["yaml.customTags"]}
    events = (each for example in EXAMPLES for each in yaml.parse(example.read_text(encoding="utf-8")))
    used = {tag for each in events if (tag := getattr(each, "tag", None))}
    assert used
    assert used <= tags


def test_the_hook_is_for_the_templates_that_there_are() -> None:
    (repository,) = yaml.safe_load(block("repos:"))["repos"]
    (hook,) = repository["hooks"]
    assert (ROOT / hook["entry"]).samefile(LINTER)
    assert [
        each for each in EXAMPLES if not re.search(hook["files"], each.relative_to(ROOT).as_posix())
    ] == []


def test_every_rule_of_ours_is_in_the_table() -> None:
    rules = (ROOT / "editors" / "rules" / "model_packages.py").read_text(encoding="utf-8")
    named = re.findall(r'^    id = "(\w+)"$', rules, re.MULTILINE)
    assert sorted(named) == sorted(re.findall(r"^\| `([EW]9\d+)` \|", GUIDE, re.MULTILINE))

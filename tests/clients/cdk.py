"""The AWS CDK, with each of its four synthesizers; the construct is the CDK's own."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.shared.settings import ACCOUNT, ROOT
from tests.clients.deployer import Deployer
from tests.clients.outcomes import expect, tail
from tests.clients.templates import APPROVED, BROKEN, FIRST, REJECTED, REPLACED, State
from tests.clients.world import Output, write

CDK = ROOT / ".npm-clients-cdk" / "node_modules" / ".bin" / "cdk"
PYTHON = ROOT / ".venv-cdk" / "bin" / "python"
APPS = Path(__file__).with_name("cdk_apps.py")
STATES = {"first": FIRST, "approved": APPROVED, "replaced": REPLACED, "rejected": REJECTED, "broken": BROKEN}
IMPORT = "import"


class Cdk(Deployer):
    """`cdk` over cloud assemblies that the library has synthesized."""

    packages = ("aws-cdk", "aws-cdk-lib")
    synthesizer: str
    is_typed = False  # whether the ARN of what is imported is typed at the prompt, or in a file

    def prepare(self) -> None:
        """Synthesize every app.

        Raises:
            FailedError: the synthesis ends in an error.
        """
        shared = {
            "account": ACCOUNT,
            "region": self.world.region,
            "synthesizer": self.synthesizer,
            "group": self.group,
        }
        apps = [
            {**shared, **_described(state), "name": name, "stack": self.stack, "takes": ""}
            for name, state in STATES.items()
        ]
        taking = {"name": IMPORT, "stack": self.import_stack, "takes": f"{self.group}-taken"}
        apps.append({**shared, **_described(FIRST), **taking})
        write(self.folder, {"apps.json": json.dumps(apps)})
        command = f'"{PYTHON}" "{APPS}" "{self.folder}" < apps.json'
        self.world.run(["/bin/sh", "-c", command], cwd=self.folder).succeeded()

    def cdk(self, command: str, app: str, *arguments: str, typed: str | None = None) -> Output:
        """Run a command of the CDK over one of the assemblies."""
        given = ["--app", str(self.folder / app), "--no-notices", "--no-version-reporting"]
        return self.world.run([CDK, command, *given, *arguments], cwd=self.folder, typed=typed)

    def deploy(self, state: State) -> Output:
        return self.cdk("deploy", _name(state), "--require-approval", "never", "--progress", "events", "--ci")

    def show_diff(self, state: State) -> None:
        self.cdk("diff", _name(state)).succeeded().holds("Package", "ModelApprovalStatus", "Rejected")

    def find_drift(self) -> bool:
        output = self.cdk("drift", "replaced").succeeded()
        finds = {"Modified Resources": True, "No drift detected": False}
        seen = [is_drift for words, is_drift in finds.items() if words in output.text]
        expect(
            len(seen) == 1, f"it says neither that there is drift nor that there is none\n{tail(output.text)}"
        )
        return seen[0]

    def import_version(self, arn: str) -> None:
        if self.is_typed:
            output = self.cdk("import", IMPORT, typed=f"{arn}\n").succeeded()
            expect("skipping import" not in output.text, tail(output.text))
            return
        write(self.folder, {"mapping.json": json.dumps({"Package": {"ModelPackageArn": arn}})})
        mapping = str(self.folder / "mapping.json")
        self.cdk("import", IMPORT, "--resource-mapping", mapping, "--force").succeeded()

    def delete_stack(self) -> Output:
        return self.cdk("destroy", "replaced", "--force")


class Bootstrapped(Cdk):
    """A synthesizer that needs what `cdk bootstrap` makes: a bucket, roles, a parameter."""

    def prepare(self) -> None:
        """Bootstrap the account, which a second time changes nothing, and synthesize."""
        environment = f"aws://{ACCOUNT}/{self.world.region}"
        bootstrap = [str(CDK), "bootstrap", environment, "--no-notices", "--ci"]
        with self.world.bootstrap_lock:
            self.world.run(bootstrap, cwd=self.folder).succeeded()
        super().prepare()


class Default(Bootstrapped):
    """DefaultStackSynthesizer: it assumes the bootstrap's roles."""

    title = "CDK, Default"
    synthesizer = "DefaultStackSynthesizer"


class CliCredentials(Bootstrapped):
    """CliCredentialsStackSynthesizer: the bootstrap's bucket, with the caller's own credentials."""

    title = "CDK, CliCredentials"
    synthesizer = "CliCredentialsStackSynthesizer"


class Legacy(Cdk):
    """LegacyStackSynthesizer: nothing of a bootstrap for a template without assets."""

    title = "CDK, Legacy"
    synthesizer = "LegacyStackSynthesizer"
    is_typed = True


class Bootstrapless(Cdk):
    """BootstraplessSynthesizer: no assets, and the caller's own credentials."""

    title = "CDK, Bootstrapless"
    synthesizer = "BootstraplessSynthesizer"


def _name(state: State) -> str:
    return next(name for name, each in STATES.items() if each == state)


def _described(state: State) -> dict[str, object]:
    return {"approval": state.approval, "image": state.image, "broken": state.is_broken}

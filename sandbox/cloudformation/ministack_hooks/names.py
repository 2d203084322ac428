"""ministack's private names that the hooks use, and the check that the installed one has them."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from typing import Any

PINNED_VERSION = "1.5.33"

CLOUDFORMATION = "ministack.services.cloudformation"
PROVISIONERS = f"{CLOUDFORMATION}.provisioners"
STACKS = f"{CLOUDFORMATION}.stacks"
HANDLERS = f"{CLOUDFORMATION}.handlers"
CHANGE_SETS = f"{CLOUDFORMATION}.changesets"
DRIFT = f"{CLOUDFORMATION}.drift"
ENGINE = f"{CLOUDFORMATION}.engine"
HELPERS = f"{CLOUDFORMATION}.helpers"
LANGUAGE_EXTENSIONS = f"{CLOUDFORMATION}.language_extensions"
SNS = "ministack.services.sns"
SQS = "ministack.services.sqs"
STS = "ministack.services.sts"
IAM = "ministack.services.iam"
RESPONSES = "ministack.core.responses"
APP = "ministack.app"
S3 = "ministack.services.s3"

# Every name used below, with the parameters of those that are called or replaced (None: not a function).
_NAMES: dict[str, dict[str, str | None]] = {
    CLOUDFORMATION: {"_stacks": None, "_stack_events": None},
    PROVISIONERS: {
        "_RESOURCE_HANDLERS": None,
        "_property_recreation": "resource_type, name",
        "_replacing_change": "resource_type, old_props, new_props",
        "_RETAIN_REPLACED": None,
        "_RETAINING_POLICIES": None,
        "_cw_metric_alarm_record": "name, props",
        "_provision_resource": "resource_type, logical_id, props, stack_name",
        "_replace_resource": "resource_type, physical_id, old_props, new_props, stack_name, logical_id",
        "_with_stack_tags": "resource_type, props, stack_tags, stack_name, stack_id, logical_id",
    },
    STACKS: {
        "_add_event": "stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, "
        "detailed_status",
        "_resource_policy": "res_def, attribute, resources, params, conditions, mappings, stack_name, "
        "stack_id",
        "_property_recreation": None,
        "_provision_resource": None,
        "_replacing_change": None,
        "_resolve_dynamic_references": "value, previous, reuse_ssm, reuse_secrets",
        "_resolve_refs": None,
        "_roll_back_operation": "stack_name, stack_id, stack, operation, reason_override",
        "_runs_on_worker_thread": "resource_type",
        "_sends_back_failed_update": "resource_type",
        "_with_stack_tags": None,
    },
    HANDLERS: {
        "_ACTION_HANDLERS": None,
        "_add_event": None,
        "_apply_transforms": None,
        "_drift": None,
        "_error": "code, message, status",
        "_esc": None,
        "_evaluate_conditions": None,
        "_p": "params, key, default",
        "_parse_template": None,
        "_resolve_parameters": None,
        "_resolve_refs": None,
        "_resolve_stack": "stack_name",
        "_roll_back_operation": None,
        "validate_template_support": None,
    },
    HELPERS: {"_esc": "s, quote"},
    ENGINE: {
        "CfnLoader": None,
        "_DYNAMIC_REFERENCE": None,
        "_TransformFailed": "template, error",
        "_apply_transforms": "template, provided_params, previous_params",
        "_evaluate_conditions": "template, params",
        "_INCLUDE_ERROR": None,
        "_IncludeError": None,
        "_parse_snippet": "text",
        "_parse_template": "template_body",
        "_resolve_parameters": "template, provided_params, previous_params",
        "_resolve_refs": "value, resources, params, conditions, mappings, stack_name, stack_id",
        "_topological_sort": "resources, conditions",
        "validate_template_support": "template, conditions, params",
    },
    LANGUAGE_EXTENSIONS: {
        "LanguageExtensionsError": None,
        "TRANSFORM": None,
        "_expand": "node, bindings, context, ids",
        "_value": "node, bindings, context",
    },
    SNS: {"_http_post_sync": "endpoint, payload, sns_message_type"},
    CHANGE_SETS: {
        "_add_event": None,
        "_apply_transforms": None,
        "_error": None,
        "_esc": None,
        "_evaluate_conditions": None,
        "_parse_template": None,
        "_resolve_parameters": None,
        "_resolve_refs": None,
        "validate_template_support": None,
        "_IMPORT_LOOKUPS": None,
        "_IMPORT_NOT_FOUND": None,
        "_import_resource": "resource_type, identifier",
        "_start_import": "cs, stack",
    },
    DRIFT: {
        "DRIFT_DETECTABLE_STATUSES": None,
        "detect_resource_drift": "stack, logical_id, record, timestamp",
        "supports_drift": "resource_type",
    },
    RESPONSES: {"get_account_id": "", "get_region": ""},
    APP: {
        "SERVICE_HANDLERS": None,
        "SERVICE_REGISTRY": None,
        "_get_module": "name",
        "_get_reset_lock": "",
        "_is_ecr_registry_path": "path",
        "_request_account_scope": "access_key_id",
        "_resolve_custom_domain_request": "host, path",
        "app": None,
        "set_request_account_id": "access_key_id",
    },
    IAM: {"_access_keys": None},
    SQS: {"DEFAULT_HOST": None, "DEFAULT_PORT": None, "_CANONICAL_NETLOC": None},
    STS: {
        "_session_expired": "session",
        "_sessions": None,
        "register_session": "access_key, session",
    },
    S3: {"_verify_presigned_sigv4": "method, path, headers, query_params"},
}


def module(name: str) -> Any:
    """Return a module of ministack; the first import is slow, and reads the environment."""
    return importlib.import_module(name)


class EngineMismatchError(Exception):
    """The installed ministack is not the one these hooks are made for."""


def verify() -> None:
    """Check that ministack is the pinned version and has every private name used here.

    Raises:
        EngineMismatchError: it is another version, or lacks one of the names.
    """
    installed = importlib.metadata.version("ministack")
    if installed != PINNED_VERSION:
        raise EngineMismatchError(
            f"ministack {installed} is installed, but the hooks are written for {PINNED_VERSION}: "
            f"run `make setup`, or check every name in {__name__} against the new version and raise the pin"
        )
    missing = []
    for module_name, names in _NAMES.items():
        found = module(module_name)
        for name, parameters in names.items():
            value = getattr(found, name, None)
            if value is None:
                missing.append(f"{module_name}.{name}")
            elif parameters is not None and ", ".join(inspect.signature(value).parameters) != parameters:
                missing.append(f"{module_name}.{name}({parameters})")
    if missing:
        raise EngineMismatchError(
            f"ministack {installed} has no {', '.join(missing)}: its private names have moved, so {__name__} "
            "has to be adapted"
        )


def replace(name: str, replacement: Any, *modules: str) -> None:
    """Replace a name in the modules that have it, most of them by importing it."""
    for each in modules:
        assert hasattr(module(each), name)
        setattr(module(each), name, replacement)

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
RESPONSES = "ministack.core.responses"
APP = "ministack.app"
S3 = "ministack.services.s3"
SSM = "ministack.services.ssm"
IAM = "ministack.services.iam"
SQS = "ministack.services.sqs"
STS = "ministack.services.sts"
WAIT_CONDITIONS = f"{CLOUDFORMATION}.wait_conditions"

# Every name used below, with the parameters of those that are called or replaced (None: not a function).
_NAMES: dict[str, dict[str, str | None]] = {
    CLOUDFORMATION: {
        "_change_sets": None,
        "_exports": None,
        "_stacks": None,
        "_stack_events": None,
        "handle_request": "method, path, headers, body, query_params",
    },
    PROVISIONERS: {
        "_RESOURCE_HANDLERS": None,
        "_property_recreation": "resource_type, name",
        "_replacing_change": "resource_type, old_props, new_props",
        "_NAME_SEED": None,
        "_RETAIN_REPLACED": None,
        "_RETAINING_POLICIES": None,
        "_cw_metric_alarm_record": "name, props",
        "_provision_resource": "resource_type, logical_id, props, stack_name",
        "_sns_topic_attrs": "arn",
        "_replace_resource": "resource_type, physical_id, old_props, new_props, stack_name, logical_id",
        "_with_stack_tags": "resource_type, props, stack_tags, stack_name, stack_id, logical_id",
        "_delete_resource": "resource_type, physical_id, props, stack_name, logical_id",
        "_update_resource": "resource_type, physical_id, old_props, new_props, stack_name, "
        "logical_id, old_attrs",
        "_check_nested_stack_capabilities": "parent_stack_name, template",
        "_nested_stack_lookup_name": "physical_id_or_arn",
    },
    STACKS: {
        "_add_event": "stack_id, stack_name, logical_id, resource_type, status, reason, "
        "physical_id, detailed_status",
        "_resource_policy": "res_def, attribute, resources, params, conditions, mappings, "
        "stack_name, stack_id",
        "_deploy_stack_async": "stack_name, stack_id, template, param_values, disable_rollback, "
        "tags, is_update, previous_stack, retain_except_on_create, imports",
        "_property_recreation": None,
        "_provision_resource": None,
        "_replacing_change": None,
        "_resolve_dynamic_references": "value, previous, reuse_ssm, reuse_secrets",
        "_resolve_refs": None,
        "_resolve_stack_outputs": "outputs_defs, conditions, resources, param_values, mappings, "
        "stack_name, stack_id",
        "_roll_back_operation": "stack_name, stack_id, stack, operation, reason_override",
        "_runs_on_worker_thread": "resource_type",
        "_sends_back_failed_update": "resource_type",
        "_stack_region_context": "stack, stack_id",
        "_stack_tags_changed": "stack, tags, tags_given",
        "_with_stack_tags": None,
        "_create_then_delete_on_failure": "stack_name, stack_id, deploy_coro",
        "_delete_resource": None,
        "_delete_stack_async": "stack_name, stack_id, retain_resources, force",
        "_operation_event": "stack_id, operation_id, event_type, operation_type, fields",
        "_update_resource": None,
        "_evaluate_conditions": None,
    },
    HANDLERS: {
        "_ACTION_HANDLERS": None,
        "_add_event": None,
        "_apply_transforms": None,
        "_continue_update_rollback_async": "stack_name, stack_id, resources_to_skip",
        "_delete_stack_async": "stack_name, stack_id, retain_resources, force",
        "_deploy_stack_async": None,
        "_drift": None,
        "_error": "code, message, status",
        "_esc": None,
        "_evaluate_conditions": None,
        "_imported_export_names": "stack, stack_name",
        "_p": "params, key, default",
        "_parse_template": None,
        "_resolve_parameters": None,
        "_resolve_refs": None,
        "_resolve_stack": "stack_name",
        "_roll_back_operation": None,
        "_stack_has_no_updates": "stack, template, param_values, tags, use_previous_template, tags_given",
        "validate_template_support": None,
        "_create_then_delete_on_failure": None,
        "_extract_string_members": "params, prefix",
        "_page": None,
        "_resolve_template": "params",
        "_extract_members": "params, prefix",
        "_capabilities_enforced": "",
    },
    HELPERS: {
        "_esc": "s, quote",
        "PAGE_SIZE": None,
        "_page": "items, params, action, page_size",
        "_xml": "status, root_tag, inner",
        "enum_problems": "params, key, wire_name, values",
        "validation_error_message": "problems",
        "TEMPLATE_URL_MAX_BYTES": None,
        "_resolve_document": "params, body_key, url_key, label",
        "_resolve_template": "params",
    },
    ENGINE: {
        "CfnLoader": None,
        "_DYNAMIC_REFERENCE": None,
        "_TransformFailed": "template, error",
        "_apply_transforms": "template, provided_params, previous_params",
        "_evaluate_conditions": "template, params",
        "_intrinsic_references": "value",
        "_INCLUDE_ERROR": None,
        "_IncludeError": None,
        "_parse_snippet": "text",
        "_parse_template": "template_body",
        "_resolve_parameters": "template, provided_params, previous_params",
        "_resolve_refs": "value, resources, params, conditions, mappings, stack_name, stack_id",
        "_topological_sort": "resources, conditions",
        "_unknown_attribute_message": "res, logical_id, attr",
        "validate_template_support": "template, conditions, params",
        "_construct_cfn_tag": "tag_name",
        "refuse_undeclared_language_extensions": "template",
        "_construct_getatt": "loader, node",
    },
    LANGUAGE_EXTENSIONS: {
        "LanguageExtensionsError": None,
        "TRANSFORM": None,
        "_expand": "node, bindings, context, ids",
        "_value": "node, bindings, context",
    },
    SNS: {
        "_http_post_sync": "endpoint, payload, sns_message_type",
        "_topics": None,
    },
    CHANGE_SETS: {
        "_add_event": None,
        "_apply_transforms": None,
        "_deploy_stack_async": None,
        "_diff_resources": "old_template, new_template, resources, template, changed_params, retag",
        "_drop_other_change_sets": "stack_id, executed_cs_id",
        "_find_change_set": "cs_name, stack_name",
        "_resolve_props_for_diff": "template, params, stack_name, stack_id",
        "_track_change_set_execution": "change_set, stack, deploy_coro",
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
        "_create_then_delete_on_failure": None,
        "_extract_resources_to_import": "params",
    },
    DRIFT: {
        "DRIFT_DETECTABLE_STATUSES": None,
        "detect_resource_drift": "stack, logical_id, record, timestamp",
        "supports_drift": "resource_type",
    },
    RESPONSES: {
        "get_account_id": "",
        "get_region": "",
        "now_iso": "",
        "new_uuid": "",
    },
    APP: {
        "SERVICE_HANDLERS": None,
        "SERVICE_REGISTRY": None,
        "_get_module": "name",
        "_resolve_custom_domain_request": "host, path",
        "app": None,
        "_get_reset_lock": "",
        "_is_ecr_registry_path": "path",
        "_request_account_scope": "access_key_id",
        "set_request_account_id": "access_key_id",
    },
    S3: {
        "_verify_presigned_sigv4": "method, path, headers, query_params",
        "_get_object_data": "bucket_name, key, version_id",
        "_bucket_has_versions": "name",
        "_buckets": None,
    },
    SSM: {
        "_lookup_parameter": "name_or_arn, allow_arn_region, flexible_name",
        "_split_selector": "name_or_arn",
        "resolve_parameter_value": "name_or_arn, version, decrypt",
    },
    IAM: {
        "_roles": None,
        "_access_keys": None,
    },
    SQS: {
        "DEFAULT_HOST": None,
        "DEFAULT_PORT": None,
        "_CANONICAL_NETLOC": None,
    },
    STS: {
        "_session_expired": "session",
        "_sessions": None,
        "register_session": "access_key, session",
    },
    WAIT_CONDITIONS: {
        "_changed": None,
        "_handles": None,
        "_waiting": None,
        "deliver_signal": "token, payload",
    },
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

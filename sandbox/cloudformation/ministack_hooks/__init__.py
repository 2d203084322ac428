"""Hosts resource types in ministack, and gives its answers CloudFormation's form. The only package that uses
ministack's private names.

ministack has no registry of types, so this puts them into its table of provisioners and wraps the few
functions that decide how a type is treated. Private names move without notice: the version is pinned, every
name is checked before anything starts, and a mismatch ends the process with a message that names it.

What is where; `host` calls all of them:

- names: `names`, the private names, and the check of the installed version.
- types: `hosted_types`, those of our own; `places`, where a resource of one stands; `restrictions`, which of
  the engine's types stay; `attributes`, which of their attributes it lacks.
- before anything is made: `refusals`, of templates and values; `requests`, of requests; `capabilities`.
- change sets: `change_sets`; `change_set_members`, what they are given and described with;
  `compared_templates`, what they compare; `revert_drift`, their mode REVERT_DRIFT.
- operations: `updates`, which are refused; `failed_updates`, how stacks go on after one; `deletions`, of
  stacks in creation and of buckets; `nested_stacks`; `nested_templates`, that change at the same address;
  `stack_records`, descriptions, exports and outputs of a stack.
- answers: `answers`, members and values; `listings`, of resources, stacks and events; `events`, which events
  there are; `waiters` and `detections`, when they are answered.
- the engine's other services: `issued_keys`, of STS and IAM; `queues`, addresses of SQS; `loops`, event
  loops.
"""

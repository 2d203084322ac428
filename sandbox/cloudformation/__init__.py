"""A CloudFormation engine for this machine: ministack, with resource types of our own hosted in it.

Runs with the Python of `.venv-engine`, which has ministack and what that brings, an evaluator of JSONata, and
nothing else: these files import the standard library, those two, ministack's own dependencies, and of the
sandbox what itself imports the standard library alone (tests/sandbox/test_cloudformation.py has the list).
`registered_type` and what it imports also run in `.venv`, where Cloud Control drives handlers with them.
"""

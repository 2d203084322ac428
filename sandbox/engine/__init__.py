"""A CloudFormation engine for this machine: ministack, with resource types of our own hosted in it.

Runs with the Python of `.venv-engine`, which has ministack and what that brings, an evaluator of JSONata, and
nothing else: these files import the standard library, those two, ministack's own dependencies,
`sandbox.children` and `sandbox.patterns`.
"""

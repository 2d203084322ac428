"""A CloudFormation engine for this machine: ministack, with resource types of our own hosted in it.

Runs with the Python of `.venv-engine`, which has ministack with its dependencies, an evaluator of JSONata and
jsonschema: these modules import those, the standard library, and of `sandbox.shared` the modules that need
nothing else (a test has the list). `registered_type` and what it imports also run in `.venv`, for Cloud
Control.
"""

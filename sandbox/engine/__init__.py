"""A CloudFormation engine for this machine: ministack, with resource types of our own hosted in it.

Runs with the Python of `.venv-engine`, which has ministack and what that brings, and nothing else: these
files import the standard library, ministack, its own dependencies, and `sandbox.children`.
"""

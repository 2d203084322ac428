"""Hosts resource types in ministack, and gives its answers CloudFormation's form. The only package that uses
ministack's private names.

ministack has no registry of types, so this puts them into its table of provisioners and wraps the few
functions that decide how a type is treated. Private names move without notice: the version is pinned, every
name is checked before anything starts, and a mismatch ends the process with a message that names it.
"""

"""Builds the package for CloudFormation's registry, and writes what `cfn generate` does not."""

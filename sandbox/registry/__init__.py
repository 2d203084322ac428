"""CloudFormation's registry on this machine: private resource types, each run from its own package."""

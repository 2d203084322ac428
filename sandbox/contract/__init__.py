"""The contract tests of CloudFormation's command line, run against the local AWS."""

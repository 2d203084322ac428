"""Handlers of the CloudFormation resource type for SageMaker model packages."""

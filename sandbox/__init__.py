"""AWS on this machine: SageMaker, Lambda, CloudFormation and Cloud Control, to run and test the type on."""

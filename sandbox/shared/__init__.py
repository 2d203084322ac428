"""What several services of the sandbox use; mostly the standard library alone."""

"""Lambda on this machine: the functions of a SAM template behind the Invoke API."""

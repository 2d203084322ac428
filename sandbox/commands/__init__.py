"""The commands of `python -m sandbox`, one file each, beside what they share.

A command has `HELP`, `add_arguments` and `run`. Slow imports are inside functions, so that `--help` is quick.
"""

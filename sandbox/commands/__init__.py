"""The commands of `python -m sandbox`, one file each; `add` puts one into the parser, `run` runs it.

What takes long to import is imported where it is used, so that `--help` is quick.
"""

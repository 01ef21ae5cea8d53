"""Adapters of the demo: real work on files that any Debian machine has."""

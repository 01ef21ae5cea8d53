"""The demo: a load, failures on purpose, and a comparison of what everybody counted."""

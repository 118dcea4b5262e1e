# Test targets; see docs/contributing.md.

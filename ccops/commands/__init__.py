"""The commands that act on the pair or tell of what was done; `ccops.cli` has those that only look."""

"""Watching a pair: one collector a source, and the store that publishes immutable snapshots."""

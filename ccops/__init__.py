"""ccops: the terminal operations console for a highly available call centre."""

__version__ = "0.1.0"

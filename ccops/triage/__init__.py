"""Triage: a pair's state → findings, each with how it is known; the gravest is the verdict. Pure."""

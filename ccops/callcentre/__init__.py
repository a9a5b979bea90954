"""The call centre as data: queues, agents, callers, trunks, folded from Asterisk's events. Pure."""

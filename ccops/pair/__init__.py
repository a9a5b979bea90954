"""The pair as data: what DRBD, Heartbeat, addresses and services say, parsed and joined. Pure."""

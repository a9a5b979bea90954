"""A simulated pair behind real sockets: two nodes to look at, break and mend without a server in sight."""

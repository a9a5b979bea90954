"""Links to the nodes: SSH, AMI and MySQL; connect, time out, reconnect, redact. No judgement."""

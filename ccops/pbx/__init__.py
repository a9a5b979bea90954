"""Extensions and trunks: what they are, how Asterisk's files spell them, and what may stand there. No I/O.

A room beside `callcentre` and not within it: that one folds what is happening (calls, queues, agents), this one is
about what is configured, and neither needs the other. Operations change what is here; nothing here changes anything.
"""

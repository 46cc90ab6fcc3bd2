"""Fill one V Studio session with viewers, let people vote, break something, and judge what everybody saw.

Between: cli.swarm, tests/system (run it) and the platform's public addresses, as its users reach them.
Shape: frames (bytes of the socket) · facts (what a frame says) · viewer (one connection that comes back) · crowd (many
of them in a process of its own, so that what measures is not what is measured) · crowds (the processes) · voters
(signed-in people who vote and chat) · scene (the session) · faults (what is broken meanwhile) · history (what everybody
saw, as a file) · judge (whether that was right) · delays (how long it took) · play (all of it in order).
Who they are: viewers are guests, because viewing is open and the platform lets a guest watch without an account; a
voter must be somebody, so each one signs up by mail as people do. A few of them vote again and again, where the
decision allows to change one's mind: thousands of accounts would measure the sign-up.
Invariant: nothing here reaches behind the API but faults, which do to processes what an operator or an accident does.
Units: *_us microseconds since the epoch, of one machine's clock.
Source: issue 5 "audifi swarm"; realtime.md 4.
"""

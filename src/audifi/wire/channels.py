"""Name the keys and channels of the Redis Cluster, and put each family on the master the design gives it.

Between: kernel.sessions, kernel.limits, auth and vstudio stores (write keys), gateways.ws (publishes), drills (read).

The design assigns sessions to master 1, rate limits to master 2 and V Studio state to master 3. A cluster places keys
by CRC16 of the hash tag, so each family has 16 tags whose slots lie in its master's range, spread over it. Which of the
16 is chosen by a hash of the id: a given id always meets the same tag, from every process.
Invariant: slot(tag) is inside the family's range (held by tests/unit/kernel/test_channels.py).
Errors: never raises.
Source: domain.md 5.6 (tags); https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ (slots).
"""

import zlib
from typing import Final

SLOTS: Final = 16384
SLOT_RANGES: Final = {1: (0, 5460), 2: (5461, 10922), 3: (10923, 16383)}

_TAGS: Final = {
    "session": "s2 s6 s10 s11 s14 s15 s18 s19 s20 s21 s24 s25 s29 s32 s36 s43",
    "limit": "r0 r3 r4 r7 r8 r11 r12 r15 r16 r19 r20 r24 r28 r33 r37 r41",
    "vstudio": "v2 v6 v11 v14 v15 v18 v19 v20 v21 v24 v25 v28 v29 v32 v33 v36",
}
SESSION_TAGS: Final = tuple(_TAGS["session"].split())
LIMIT_TAGS: Final = tuple(_TAGS["limit"].split())
VSTUDIO_TAGS: Final = tuple(_TAGS["vstudio"].split())


def session(session_id: str) -> str:
    return f"session:{{{_tag(SESSION_TAGS, session_id)}}}:{session_id}"


def user_sessions(user_id: str) -> str:
    return f"usersessions:{{{_tag(SESSION_TAGS, user_id)}}}:{user_id}"


def ws_ticket(ticket_hash: str) -> str:
    return f"wsticket:{{{_tag(SESSION_TAGS, ticket_hash)}}}:{ticket_hash}"


def siwe_nonce(nonce: str) -> str:
    return f"siwe:{{{_tag(SESSION_TAGS, nonce)}}}:{nonce}"


def rate_limit(scope: str, identity: str, rule: str) -> str:
    """Return the key that counts `rule` for one ip, user or value; all rules of one identity share a slot."""
    return f"ratelimit:{{{_tag(LIMIT_TAGS, identity)}}}:{scope}:{identity}:{rule}"


def failures(scope: str, identity: str, rule: str) -> str:
    """Return the key of the times at which an address or account failed; in the slot of its pause."""
    return f"failures:{{{_tag(LIMIT_TAGS, identity)}}}:{scope}:{identity}:{rule}"


def pause(scope: str, identity: str) -> str:
    """Return the key that exists while an address or account is paused, whatever rule paused it."""
    return f"pause:{{{_tag(LIMIT_TAGS, identity)}}}:{scope}:{identity}"


def vstudio(session_id: str, part: str) -> str:
    """Return the key of one part of a live session: events (its channel), log, states, presence or tick:<decision>."""
    return f"vstudio:{{{_tag(VSTUDIO_TAGS, session_id)}}}:{session_id}:{part}"


def slot(key: str) -> int:
    """Return the hash slot that the cluster gives a key."""
    start = key.find("{")
    if start >= 0:
        end = key.find("}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return _crc16(key.encode()) % SLOTS


def _tag(tags: tuple[str, ...], identity: str) -> str:
    # CRC32 because it is the same in every process and language (Python's hash() is not), and cheap.
    return tags[zlib.crc32(identity.encode("utf-8", "surrogatepass")) % len(tags)]


def _crc16(data: bytes) -> int:
    # CRC-16/XMODEM: polynomial 0x1021, start 0.
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc

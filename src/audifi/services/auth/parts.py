"""Gather what every handler works with.

Between: app (fills it), routes and consumers (read it as `call.deps`).
Invariant: one object per pod, frozen; nothing in here is per request.
"""

from dataclasses import dataclass

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.crypto import Keyring
from audifi.kernel.database import Database
from audifi.kernel.http import Call
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.sessions import Sessions
from audifi.services.auth.postman import Postman
from audifi.services.auth.settings import AuthSettings
from audifi.services.auth.signing import SigningKeys
from audifi.services.auth.watch import Watch


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The service's own objects."""

    settings: AuthSettings
    clock: Clock
    database: Database
    cache: Cache
    sessions: Sessions
    seal: Keyring
    signing: SigningKeys
    verifier: TokenVerifier
    postman: Postman
    watch: Watch


AuthCall = Call[Parts]

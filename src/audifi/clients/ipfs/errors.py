"""Name what pinning providers and gateways do wrong, so that the keeper knows what to do about it.

Between: pinata, pinning_service, preservation, gateways (raise) and keeper, audit (decide).

    IpfsError (wire.problems: 502, Unavailable)
    ├── ProviderAway        no answer, 5xx, a broken connection: later; may have taken effect
    │   └── ProviderBusy    429: after retry_after_s; counts neither as an attempt nor against health
    ├── ProviderRefused     it said no: wrong token, full, plan exhausted: later, and somebody must look
    ├── NeverAccepted       it will say no to these bytes for ever (400, 413, 422): a dead letter at once
    ├── WrongCid            it named our bytes otherwise: a dead letter, and its copy is deleted
    ├── WrongBytes          a gateway answered with bytes of another hash
    └── NotRetrievable      no gateway had these blocks

Errors: messages name the provider and the status, never an address with a key in it, a token or a body.
"""

from audifi.wire.problems import IpfsError


class ProviderAway(IpfsError):
    """The provider does not answer as it should; try again later."""


class ProviderBusy(ProviderAway):
    """The provider asks us to slow down."""


class ProviderRefused(IpfsError):
    """The provider refuses us: check its token and what the plan allows."""


class NeverAccepted(IpfsError):
    """The provider will never take this content."""


class WrongCid(IpfsError):
    """The provider gave our bytes another name."""


class WrongBytes(IpfsError):
    """A gateway sent bytes that are not what their name says."""


class NotRetrievable(IpfsError):
    """No gateway has this content."""

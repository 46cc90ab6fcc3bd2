"""Tell a login's user from its password.

Between: local.secrets (holds logins as text), local.resolution, components.pgbouncer and components.database_roles.
Shape: `user:password`; a role has two users, who take turns (docs/decisions/0048): a password is replaced at the one
that nobody uses, so that there is no moment at which a password in use is refused.
Errors: none; a value without a user is the first user's.
"""

from dataclasses import dataclass, field

from audifi.topology.secrets import database_logins


@dataclass(frozen=True)
class Login:
    """Who, and what proves it."""

    user: str
    password: str = field(repr=False)

    @property
    def text(self) -> str:
        """As the secret holds it."""
        return f"{self.user}:{self.password}"


def read(text: str, component: str) -> Login:
    """A login of this component as its secret holds it."""
    user, separator, password = text.partition(":")
    return Login(user, password) if separator else Login(database_logins(component)[0], text)

"""Say for each kind of secret who must accept a new value before who uses it.

Between: recovery.secrets.rotation (takes the steps) and recovery.secrets.{world,stores}.
Shape: one Overlap per kind. Every rotation has the same steps: both values are accepted → those who check learn it →
the new one is in use → those who show it learn it → the old one is withdrawn → those who check forget it.
Invariant: nobody shows a value before everybody who checks it accepts it, and nobody is refused the old one while
somebody may still show it. Learning is idempotent, so that a step may be taken twice.
Errors: LocalError for what is not replaced by a program, with the reason.
Source: docs/decisions/0048; docs/runbooks/credential-leak.md.
"""

from dataclasses import dataclass
from typing import Final

from audifi.local.errors import LocalError
from audifi.local.recovery.secrets import stores
from audifi.local.recovery.secrets.world import Learn, World
from audifi.topology.model.data import SecretDeclaration, SecretForm
from audifi.topology.secrets import WITH_DATABASE, database_secret
from audifi.topology.thirdparties import STANDINS

STRIPE: Final = "stripe"
EXPORTER: Final = "redis-exporter"
WEBHOOK: Final = "stripe-webhook-secret"
NOT_BY_PROGRAM: Final = {
    "chain-signer-key": "it is an account on the chains: grant the new account its roles and money first, by the "
    "administrators' signatures (docs/runbooks/credential-leak.md)",
    "chain-admin-address": "it is an address, not a secret",
    "treasury-address": "it is an address, not a secret",
    "backup-identity": "an operator replaces it where it is kept, and keeps the old one as long as what it opens "
    "(docs/runbooks/credential-leak.md)",
    "mail-password": "the stand-in asks for none: it is issued and replaced with the mail provider",
    "slack-webhook-url": "it is issued and replaced with Slack",
    "pagerduty-routing-key": "it is issued and replaced with PagerDuty",
    "cloudflare-api-token": "it is issued and replaced with Cloudflare",
}


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Who learns of a new value."""

    check: Learn  # those who accept values
    show: Learn  # those who use one
    keeps_old: bool = False  # what was encrypted with an old key must still open


def overlap(secret: SecretDeclaration) -> Overlap:
    """How this secret is replaced."""
    if secret.name in NOT_BY_PROGRAM:
        raise LocalError(f"{secret.name} is not replaced by this command: {NOT_BY_PROGRAM[secret.name]}")
    if secret.name == WEBHOOK:  # the only one that the provider shows and we check
        return Overlap(check=_roll_told, show=_tell_provider)
    if secret.form is SecretForm.PROVIDER:
        return Overlap(check=_tell_provider, show=_roll_told)
    if secret.form is SecretForm.ED25519_JWK:
        return Overlap(check=_roll_believing, show=_roll_told)
    if secret.form is SecretForm.AES_KEYS:
        return Overlap(check=_roll_told, show=_roll_told, keeps_old=True)
    if secret.form is SecretForm.LOGIN:
        return Overlap(check=_tell_database, show=_roll_told)
    return _of_store(secret.name)


def _of_store(name: str) -> Overlap:
    if name.startswith("redis-"):
        return Overlap(check=stores.tell_redis, show=_roll_redis)
    if name == "pgbouncer-admin":  # nobody stays signed in with it
        return Overlap(check=_nobody, show=_reload_pooler)
    if name in stores.POSTGRES_USERS:
        return Overlap(check=_nobody, show=stores.tell_postgres)
    if name == "postgres-rest":
        return Overlap(check=_nobody, show=_reload_postgres)
    raise LocalError(f"{name} has no way to be replaced yet: say it in recovery.secrets.overlaps")


async def _nobody(world: World, name: str) -> None:
    """One value at a time: the change itself is a single step."""


async def _roll_told(world: World, name: str) -> None:
    await world.roll(world.told(name))


async def _roll_believing(world: World, name: str) -> None:
    await world.roll(world.believing(name))


async def _tell_provider(world: World, name: str) -> None:
    """Here its stand-in; elsewhere a person does this at the provider's console."""
    for provider in STANDINS:
        if name.startswith(provider):
            await world.rewrite(provider)


async def _tell_database(world: World, name: str) -> None:
    [component] = [each for each in WITH_DATABASE if database_secret(each) == name]
    await stores.set_users(world, component)
    await world.reload("pgbouncer")
    await stores.until_pooler_accepts(world, component)


async def _roll_redis(world: World, name: str) -> None:
    await stores.tell_replicas(world, name)
    exporter = [EXPORTER] if EXPORTER in world.pods else []  # it has a file of passwords, by address
    await world.roll([*world.told(name), *exporter])


async def _reload_pooler(world: World, name: str) -> None:
    del name
    await world.reload("pgbouncer")


async def _reload_postgres(world: World, name: str) -> None:
    del name
    await world.reload("postgres")

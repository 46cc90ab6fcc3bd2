"""Open payment-service over real stores, with a Stripe of its own, once per session.

Between: tests of this folder, the `stores` fixture, tests.support.stripe.
Invariant: every test begins with a Stripe that behaves; people and purchases are each test's own.
"""

import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from tests.component.payment.driver import Neighbours, World
from tests.support import stripe as standins

from audifi.clients.stripe import StripeApi
from audifi.kernel.internal import InternalTokens
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.settings import Secret, parse
from audifi.local import knobs
from audifi.local.held import Held
from audifi.services.payment.app import opened
from audifi.services.payment.settings import PaymentSettings
from audifi.wire import environment as names

POD = "payment-service-1"


async def _served(stack: AsyncExitStack, served: web.Application) -> str:
    runner = web.AppRunner(served, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(stores: Held, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """The service without its loops: tests run those step by step."""
    environment = stores.environment(POD)
    await migrate(parse(MigrateSettings, environment), migrations("payment"))
    async with AsyncExitStack() as stack:
        neighbours, ears = Neighbours(), web.Application()
        held: list[World] = []

        async def hear(request: web.Request) -> web.Response:
            return await held[0].take_webhook(request)

        ears.router.add_post("/v1/webhooks/stripe", hear)
        peer, ear = await _served(stack, neighbours.application()), await _served(stack, ears)
        directory: Path = tmp_path_factory.mktemp("stripe")
        webhook = f"{ear}/v1/webhooks/stripe"
        stripe = await stack.enter_async_context(standins.standin(directory, webhook=webhook))
        settings = replace(
            parse(PaymentSettings, environment),
            stripe_api_url=stripe.url,
            stripe_secret_key=Secret(standins.KEY),
            stripe_webhook_secret=Secret(standins.SECRET),
            jwks_url=f"{peer}/.well-known/jwks.json",
            peers=(f"nft-service={peer}",),
        )
        nft = InternalTokens(
            service="nft-service",
            signing_key_jwk=stores.environment("nft-service-1")[names.INTERNAL_SIGNING_KEY],
            caller_keys_jwks='{"keys": []}',
        )
        found = await stack.enter_async_context(opened(settings))
        quick = StripeApi(url=stripe.url, secret_key=settings.stripe_secret_key, pause_first_s=0.01)
        stack.push_async_callback(quick.close)
        world = World(settings, replace(found, stripe=quick), stripe, neighbours, nft)
        held.append(world)
        await world.start()
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(shop: World) -> AsyncGenerator[World]:
    """The shop, with a Stripe and an nft-service that behave."""
    await _behave(shop)
    yield shop
    await _behave(shop)


async def _behave(shop: World) -> None:
    await knobs.clear_faults(shop.stripe.control)
    await knobs.clear_counts(shop.stripe.control)
    shop.neighbours.is_down = False
    shop.before_webhook = lambda _: None

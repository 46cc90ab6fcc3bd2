"""Settings: what a service reads is what the topology tells it, and nothing else."""

import importlib
from pathlib import Path

import pytest

from audifi.gateways.ws.settings import GatewaySettings
from audifi.kernel.settings import ServiceSettings, variables
from audifi.topology.declaration import platform
from audifi.topology.environments import process_environment
from audifi.topology.graph import resolve
from audifi.topology.secrets import WITH_IDENTITY
from audifi.wire import environment

SERVICES = Path(__file__).resolve().parents[2] / "src/audifi/services"
PLACES = ("local", "staging", "production")
# Not told by design, with the reason.
UNTOLD = {("auth-service", environment.JWKS_URL): "it has the keys itself"}


def own_settings() -> dict[str, type[ServiceSettings]]:
    """The settings class of every service that has code, by component."""
    found: dict[str, type[ServiceSettings]] = {}
    for path in sorted(SERVICES.glob("*/settings.py")):
        module = importlib.import_module(f"audifi.services.{path.parent.name}.settings")
        [own] = [
            each
            for each in vars(module).values()
            if isinstance(each, type) and issubclass(each, ServiceSettings) and each.__module__ == module.__name__
        ]
        found[resolve(platform("production"), path.parent.name).name] = own
    return found


OWN = own_settings()


def told(place: str, component: str) -> set[str]:
    return set(process_environment(platform(place), component))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("component", [name for name in WITH_IDENTITY if name.endswith("-service")])
def test_what_every_service_must_know_is_told(place: str, component: str) -> None:
    required = {name for name, is_required in variables(OWN.get(component, ServiceSettings)).items() if is_required}
    assert required - told(place, component) == set()


@pytest.mark.parametrize("component", sorted(OWN))
def test_everything_that_is_read_is_told_in_production(component: str) -> None:
    untold = set(variables(OWN[component])) - told("production", component)
    assert untold == {name for where, name in UNTOLD if where == component}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("component", sorted(OWN))
def test_everything_that_is_told_is_read(place: str, component: str) -> None:
    assert told(place, component) - set(variables(OWN[component])) == set()


@pytest.mark.parametrize("place", PLACES)
def test_what_the_sockets_pods_must_know_is_told(place: str) -> None:
    required = {name for name, is_required in variables(GatewaySettings).items() if is_required}
    assert required - told(place, "ws-gateway") == set()


def test_everything_the_sockets_pods_read_is_told_in_production() -> None:
    assert set(variables(GatewaySettings)) - told("production", "ws-gateway") == set()

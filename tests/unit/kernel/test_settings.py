"""Settings: all problems at once, secrets never shown."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.kernel.settings import Env, Secret, ServiceSettings, SettingsError, parse, table, variables
from audifi.wire import environment


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One field of each kind."""

    port: Annotated[int, Env("PORT", minimum=1, maximum=65535)]
    share: Annotated[float, Env("SHARE", minimum=0, maximum=1)]
    on: Annotated[bool, Env("ON")]
    key: Annotated[Secret, Env("KEY")]
    level: Annotated[Literal["low", "high"], Env("LEVEL")]
    nodes: Annotated[tuple[str, ...], Env("NODES")]
    url: Annotated[str | None, Env("URL")] = None
    name: Annotated[str, Env("NAME")] = "default"


GOOD = {"PORT": "80", "SHARE": "0.5", "ON": "true", "KEY": "hush", "LEVEL": "low", "NODES": "a:1, b:2,"}


def test_a_good_environment_is_read() -> None:
    settings = parse(Sample, GOOD)
    assert (settings.port, settings.share, settings.on, settings.level) == (80, 0.5, True, "low")
    assert settings.nodes == ("a:1", "b:2")
    assert settings.key.reveal() == "hush"
    assert (settings.url, settings.name) == (None, "default")


def test_what_the_environment_does_not_say_is_read_from_a_directory(tmp_path: Path) -> None:
    (tmp_path / "KEY").write_text("mounted\n")
    (tmp_path / "PORT").write_text("1")
    source = {name: value for name, value in GOOD.items() if name != "KEY"}
    settings = parse(Sample, {**source, environment.SETTINGS_DIRECTORY: str(tmp_path)})
    assert settings.key.reveal() == "mounted"
    assert settings.port == 80, "the environment comes first"


def test_a_directory_without_the_file_is_a_problem_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KEY is not set"):
        parse(Sample, {**GOOD, "KEY": "", environment.SETTINGS_DIRECTORY: str(tmp_path)})


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        parse(Sample, {"PORT": "99999", "SHARE": "nan", "ON": "yes", "LEVEL": "middle", "NODES": ""})
    said = "\n".join(refused.value.problems)
    for name in ("PORT", "SHARE", "ON", "KEY", "LEVEL", "NODES"):
        assert name in said
    assert len(refused.value.problems) == 6


@given(st.text(min_size=8))
def test_a_secret_is_never_shown(value: str) -> None:
    settings = parse(Sample, {**GOOD, "KEY": "s3cr3t-" + value.replace("\0", "")})
    for shown in (repr(settings), str(settings.key), repr(settings.key), str(table(settings))):
        assert "s3cr3t-" not in shown


def test_what_is_read_and_required_can_be_listed() -> None:
    listed = variables(Sample)
    assert listed["PORT"]
    assert not listed["URL"]
    assert not listed["NAME"]
    assert variables(ServiceSettings)["HTTP_PORT"]

"""Logs: what must not be seen is not written."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.kernel import masking
from audifi.kernel.logs import Log, Sink

WALLET = "0x52908400098527886E0F7030069857D2E4169EE7"


NAMES = [
    "token",
    "refresh_token",
    "password",
    "secret",
    "Authorization",
    "set-cookie",
    "code",
    "backupCodes",
    "otpauthUrl",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_field_is_hidden_by_its_name(name: str) -> None:
    assert masking.field(name, "value") == masking.HIDDEN
    assert masking.field("outer", {name: ["value"]}) == {name: masking.HIDDEN}


@given(st.text(alphabet="abcdefgh0123456789._", min_size=2, max_size=20))
def test_addresses_wallets_and_tokens_are_recognised_by_their_form(local: str) -> None:
    shown = masking.text(f"mail ada{local}@example.com wallet {WALLET} token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln")
    assert f"ada{local}@" not in shown
    assert "a***@example.com" in shown
    assert WALLET not in shown
    assert "0x5290…9EE7" in shown
    assert "eyJ" not in shown
    assert "pw" not in masking.text("postgresql://auth:pw@host/db")


def test_a_line_is_one_json_object_with_the_fields_of_the_domain() -> None:
    reading, writing = os.pipe()
    log = Log(Sink(writing))
    failed = ExceptionGroup("outer", [ValueError("ada@example.com said hush")])
    log.error("it failed for ada@example.com", user_id="u1", status_code=500, error=failed, code="123456")
    log.sink.flush()
    os.close(writing)
    with os.fdopen(reading, "rb") as lines:
        [line] = [json.loads(each) for each in lines]
    assert {"timestamp", "level", "service", "message", "userId", "statusCode", "metadata"} == set(line)
    assert line["level"] == "error"
    assert "ada@" not in json.dumps(line)
    assert line["metadata"]["code"] == masking.HIDDEN
    assert "ValueError: a***@example.com said hush" in line["metadata"]["error"]["stack"]

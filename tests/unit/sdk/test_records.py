"""What the API answers becomes values, and secrets in them are not shown.

Between: sdk.records and msgspec.
"""

import msgspec
import pytest

from audifi.sdk.records.accounts import SecondFactorNeeded, SignedIn, SignInStep


def test_a_sign_in_carries_the_token_but_does_not_show_it() -> None:
    step = msgspec.json.decode(b'{"accessToken":"abc.def.ghi","expiresIn":900,"new":1}', type=SignInStep).outcome()
    assert isinstance(step, SignedIn)
    assert step.access_token == "abc.def.ghi"
    assert "abc.def.ghi" not in repr(step)


def test_an_enrolled_factor_is_another_outcome() -> None:
    text = b'{"mfaRequired":true,"mfaToken":"xyz-secret","expiresIn":300}'
    step = msgspec.json.decode(text, type=SignInStep).outcome()
    assert isinstance(step, SecondFactorNeeded)
    assert "xyz-secret" not in repr(step)


def test_a_sign_in_without_any_token_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"expiresIn":1}', type=SignInStep).outcome()

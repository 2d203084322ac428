"""The access keys that ministack's STS and IAM have given out, and those of the sandbox's own calls."""

from __future__ import annotations

import secrets

from sandbox.shared.credentials import Credentials, IssuedKey
from sandbox.shared.guard import SESSION_KEY_PREFIX
from sandbox.shared.settings import ACCOUNT

from .names import APP, IAM, STS, module

_MARK = "sandbox"  # of a session that the sandbox has made itself


def issued_key(access_key: str) -> IssuedKey | None:
    """Return what belongs to an active access key of a session or of a user; None for any other."""
    sts = module(STS)
    session = sts._sessions.get(access_key)
    if session is not None:
        is_over = sts._session_expired(session)
        return None if is_over else IssuedKey(session["SecretAccessKey"], session["AccountId"])
    for (account, each), key in module(IAM)._access_keys.to_dict().items():
        if each == access_key and key["Status"] == "Active":
            return IssuedKey(key["SecretAccessKey"], account)
    return None


def follow_users() -> None:
    """Answer requests with a user's access key in the user's account.

    The engine asks sessions alone for their accounts, unless it verifies signatures itself. [1.5.33]
    """
    app = module(APP)
    choose = app.set_request_account_id

    def choose_owner(access_key: str) -> None:
        choose(app._request_account_scope(access_key))

    app.set_request_account_id = choose_owner


class EngineCredentials(Credentials):
    """The sandbox's credentials; of other accounts than its own, those of sessions that the engine has."""

    def of_account(self, account: str) -> Credentials:
        """Return the credentials with which the sandbox itself calls services in an account."""
        if account == ACCOUNT:
            return self
        sts = module(STS)
        arn = f"arn:aws:sts::{account}:assumed-role/sandbox/session"
        for access_key, session in list(sts._sessions.items()):
            if _MARK in session and session["Arn"] == arn:
                return Credentials(access_key, session["SecretAccessKey"])
        made = Credentials(f"{SESSION_KEY_PREFIX}{secrets.token_hex(8).upper()}", secrets.token_urlsafe())
        keys = {"SecretAccessKey": made.secret_key, "AccountId": account}
        identity = {"Arn": arn, "UserId": "AROASANDBOXSANDBOXSA:session", "PrincipalType": "AssumedRole"}
        sts.register_session(made.access_key, {**keys, **identity, _MARK: True})
        return made

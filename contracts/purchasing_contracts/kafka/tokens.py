"""Tokens for Kafka's mechanism OAUTHBEARER: OAuth client credentials, or signed for AWS MSK with IAM.

Fetching blocks. Each fetch returns a new token; the caller keeps it until it expires. No error shows a secret, a token
or the endpoint's answer.
"""

import base64
import binascii
import json
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from importlib import import_module
from typing import Any, NoReturn, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote_plus, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from purchasing_contracts.environment import PREFIX
from purchasing_contracts.kafka.settings import AWS_MSK_IAM, OAUTHBEARER, KafkaSettings, trusting

ANSWER_SECONDS = 10.0
ANSWER_BYTES = 256 * 1024
UNSTATED_LIFETIME_SECONDS = 60.0
"""The assumed lifetime if neither the endpoint nor the token states one."""

ENDPOINT = f"{PREFIX}KAFKA_SASL_OAUTH_TOKEN_ENDPOINT_URL"
_TRY_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
_BY_ERROR: Mapping[str, str] = {
    "invalid_client": f"{PREFIX}KAFKA_SASL_OAUTH_CLIENT_ID and _CLIENT_SECRET",
    "invalid_grant": f"{PREFIX}KAFKA_SASL_OAUTH_CLIENT_ID and _CLIENT_SECRET",
    "unauthorized_client": f"that the client {PREFIX}KAFKA_SASL_OAUTH_CLIENT_ID may use client credentials",
    "unsupported_grant_type": f"that {ENDPOINT} issues tokens for client credentials",
    "invalid_scope": f"{PREFIX}KAFKA_SASL_OAUTH_SCOPE",
    "invalid_request": f"{ENDPOINT} and PURCHASING_KAFKA_SASL_OAUTH_SCOPE",
}
"""Error codes of RFC 6749 (5.2), with what to check."""
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class TokenError(Exception):
    """No token could be obtained. The text says why in a sentence, without a secret."""


class TokenUnavailableError(TokenError):
    """No token is available now; waiting helps."""


class TokenRefusedError(TokenError):
    """No token will be available until a person does what the text says."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token; times are seconds since 1970 by this machine's clock."""

    value: str = field(repr=False)
    issued_at: float
    expires_at: float


class TokenSource(Protocol):
    """A source of tokens."""

    def fetch(self) -> Token:
        """Return a new token; blocks. Raises TokenUnavailableError and TokenRefusedError."""


def token_source(settings: KafkaSettings) -> TokenSource | None:
    """Return the source of this connection's tokens; None if it needs none. Raises SettingsError."""
    if not settings.kafka_security_protocol.startswith("SASL_"):
        return None
    if settings.kafka_sasl_mechanism == AWS_MSK_IAM:
        return MskIam(settings.kafka_sasl_aws_region or "")
    return ClientCredentials(settings) if settings.kafka_sasl_mechanism == OAUTHBEARER else None


class ClientCredentials:
    """Tokens with OAuth 2.0 client credentials (RFC 6749, 4.4); the client authenticates with HTTP Basic."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Raises SettingsError if the file of the endpoint's authority has no certificate."""
        secret = settings.kafka_sasl_oauth_client_secret
        self._url = settings.kafka_sasl_oauth_token_endpoint_url or ""
        name = settings.kafka_sasl_oauth_client_id or ""
        # RFC 6749, 2.3.1: form-encode both before joining them.
        pair = f"{quote_plus(name)}:{quote_plus('' if secret is None else secret.get_secret_value())}"
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
        form = {"grant_type": "client_credentials"}
        if settings.kafka_sasl_oauth_scope:
            form["scope"] = settings.kafka_sasl_oauth_scope
        self._form = urlencode(form).encode("ascii")
        self._opener = self._opener_of(settings)

    def fetch(self) -> Token:
        """Ask the endpoint for a token. Raises TokenUnavailableError and TokenRefusedError."""
        requested_at = time.time()
        answer = self._answer()
        value = answer.get("access_token")
        if not (isinstance(value, str) and _BEARER.fullmatch(value)):
            self._refuse("answers without a token that can be sent", ENDPOINT)
        lifetime = _lifetime(answer.get("expires_in"), value, requested_at)
        if lifetime <= 0:
            self._refuse("gives tokens that have expired already", "the clocks of both machines")
        return Token(value, requested_at, requested_at + lifetime)

    @staticmethod
    def _opener_of(settings: KafkaSettings) -> OpenerDirector:
        if urlsplit(settings.kafka_sasl_oauth_token_endpoint_url or "").scheme != "https":
            return build_opener(_NoRedirect)
        tls = trusting(type(settings), "kafka_sasl_oauth_cafile", settings.kafka_sasl_oauth_cafile)
        return build_opener(_NoRedirect, HTTPSHandler(context=tls))

    def _answer(self) -> dict[str, Any]:
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        request = Request(self._url, self._form, headers)  # noqa: S310 - the setting is checked to be http or https
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as response:
                text = response.read(ANSWER_BYTES)
        except HTTPError as error:
            with error:
                self._refused(error.code, error.read(ANSWER_BYTES))
        except URLError as error:
            self._unreached(error.reason)
        except (OSError, HTTPException) as error:
            self._unreached(error)
        return _object(text)

    def _refused(self, status: int, text: bytes) -> NoReturn:
        if status in _TRY_AGAIN:
            raise TokenUnavailableError(f"the token endpoint answers with HTTP {status}")
        code = _object(text).get("error")
        if isinstance(code, str) and code in _BY_ERROR:
            self._refuse(f"refuses the client (HTTP {status}, {code})", _BY_ERROR[code])
        if status in (401, 403):
            self._refuse(f"refuses the client (HTTP {status})", _BY_ERROR["invalid_client"])
        self._refuse(f"answers with HTTP {status}", ENDPOINT)

    def _unreached(self, reason: object) -> NoReturn:
        if isinstance(reason, ssl.SSLCertVerificationError):
            check = f"PURCHASING_KAFKA_SASL_OAUTH_CAFILE, and the host name in {ENDPOINT}"
            self._refuse(f"shows a certificate that is not accepted ({reason.verify_message})", check)
        if isinstance(reason, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(reason):
            self._refuse("speaks no TLS on its port", ENDPOINT)
        if isinstance(reason, socket.gaierror):
            why = f"its host name can't be resolved ({reason.strerror})"
        elif isinstance(reason, TimeoutError):
            why = f"no answer within {ANSWER_SECONDS:.0f} seconds"
        else:
            why = getattr(reason, "strerror", None) or type(reason).__name__
        raise TokenUnavailableError(f"the token endpoint can't be reached: {why}")

    @staticmethod
    def _refuse(what: str, check: str) -> NoReturn:
        raise TokenRefusedError(f"the token endpoint {what}: check {check}")


class MskIam:
    """Tokens for AWS MSK: a signed request to connect, with credentials from AWS's own search order.

    Needs `aws-msk-iam-sasl-signer-python`, AWS's signer.
    """

    def __init__(self, region: str) -> None:
        self._region = region

    def fetch(self) -> Token:
        """Sign a token. Raises TokenUnavailableError and TokenRefusedError."""
        try:
            signer = import_module("aws_msk_iam_sasl_signer.MSKAuthTokenProvider")
            botocore = import_module("botocore.exceptions")
            session = import_module("botocore.session").Session()
        except ImportError:
            raise TokenRefusedError(
                "the mechanism AWS_MSK_IAM needs AWS's signer: install purchasing-service[aws-msk-iam], or "
                "purchasing-contracts[aws-msk-iam] for its command"
            ) from None
        requested_at = time.time()
        try:
            if session.get_credentials() is None:
                raise TokenRefusedError(
                    "no AWS credentials are found: give the pod a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY"
                )
            value, expires_ms = signer.generate_auth_token(self._region)
        except botocore.BotoCoreError as error:
            # The credentials service may be away. The text may contain the request.
            raise TokenUnavailableError(f"AWS gives no credentials just now ({type(error).__name__})") from None
        return Token(value, requested_at, expires_ms / 1000)


class _NoRedirect(HTTPRedirectHandler):
    """A handler that follows no redirection, so that the client's secret goes nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return None: do not follow."""
        return


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _lifetime(stated: object, value: str, now: float) -> float:
    """Return the token's lifetime in seconds: from the endpoint, else from the token if it is a JWT."""
    try:
        if stated is not None:
            return float(stated)  # type: ignore[arg-type]  # what is no number raises
        payload = value.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"]) - now
    except (TypeError, ValueError, KeyError, IndexError, binascii.Error):
        return UNSTATED_LIFETIME_SECONDS

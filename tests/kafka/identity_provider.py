"""A token endpoint with the keys of its tokens, as an identity provider has them."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT = ("purchasing", "planted-client-secret")
SUBJECT = "service-account-purchasing"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class IdentityProvider:
    """Issues tokens to CLIENT that live `lifetime` seconds; `answer`, if set, is its answer instead."""

    def __init__(self, lifetime: float = 3600.0) -> None:
        self.lifetime = lifetime
        self.answer: tuple[int, bytes] | None = None
        self.asked: list[dict[str, list[str]]] = []
        """The forms it was sent by who had the right secret."""
        self.url = ""
        self._key = rsa.generate_private_key(65537, 2048)

    def token(self, lifetime: float, **claims: Any) -> str:
        now = time.time()
        payload = {"sub": SUBJECT, "iat": int(now), "exp": int(now + lifetime), "scope": "kafka", **claims}
        parts = [encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k"}, payload)]
        signed = self._key.sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        return ".".join([*parts, encoded(signed)])

    def keys(self) -> bytes:
        numbers = self._key.public_key().public_numbers()
        n, e = (encoded(one.to_bytes((one.bit_length() + 7) // 8, "big")) for one in (numbers.n, numbers.e))
        return json.dumps({"keys": [{"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "n": n, "e": e}]}).encode()

    def issued(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, bytes]:
        if self.answer is not None:
            return self.answer
        kind, _, pair = authorization.partition(" ")
        client = tuple(unquote_plus(one) for one in base64.b64decode(pair).decode().split(":"))
        if (kind, client) != ("Basic", CLIENT):
            return 401, b'{"error": "invalid_client", "error_description": "planted-client-secret"}'
        self.asked.append(form)
        answer = {"access_token": self.token(self.lifetime), "token_type": "Bearer", "expires_in": self.lifetime}
        return 200, json.dumps(answer).encode()

    @contextmanager
    def serving(self, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator["IdentityProvider"]:
        """Answer while the block runs, on a thread of its own."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, provider.keys())

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer(*provider.issued(self.headers.get("Authorization", ""), form))

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if status in (301, 302, 303, 307):
                    self.send_header("Location", body.decode())
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

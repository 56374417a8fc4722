"""Talks to the OpenID Connect provider over HTTP: where to send a person, and who returned with a code.

id_token.py verifies id tokens; bindings.py finds the account. No secret, code or token is in a log or an error.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests
import urllib3
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oidc.discovery import get_well_known_url
from joserfc.jwk import KeySet
from requests.auth import HTTPBasicAuth

from st_pipeline.portal.oidc.id_token import Identity, KeyUnknown, NotTrusted, identity, read_keys, verify
from st_pipeline.portal.oidc.metadata import Metadata, read_metadata
from st_pipeline.portal.oidc.sign_in_attempt import Attempt
from st_pipeline.secret import Secret
from st_pipeline.settings import OpenIdClient, Settings

START = "/sign-in/oidc"
CALLBACK = f"{START}/callback"
"""The portal's address plus this path is the redirect URI to register at the provider."""
SCOPE = "openid email profile"
SECONDS = 5.0
"""The timeout to connect, and between two parts of a response; a whole response may take twice that."""
LARGEST_ANSWER = 512 * 1024
KEPT_SECONDS = 3600.0
PLACES = 4
"""How many visitors may wait for the provider at once: half of the portal's database connections."""


class OidcError(Exception):
    """The sign-in through the provider failed; the message, for operators, says why and what to do."""


class ProviderUnreachable(OidcError):
    """No response, or one that asks to try again later."""


class ProviderRefused(OidcError):
    """The provider does not accept the code or the client."""


class AnswerNotTrusted(OidcError):
    """The provider's response is invalid, so it signs no one in."""


@dataclass(slots=True)
class Provider:
    """The provider that ``client`` is registered with. Its metadata is cached for an hour. Thread-safe."""

    client: OpenIdClient
    redirect_uri: str
    _metadata: tuple[float, Metadata] | None = field(default=None, repr=False)
    _keys: tuple[float, KeySet] | None = field(default=None, repr=False)
    _places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(PLACES), repr=False)

    @property
    def host(self) -> str:
        """The name that people know it by."""
        return urlsplit(self.client.issuer).netloc

    def authorization_url(self, attempt: Attempt) -> str:
        """The URL to send the browser to for ``attempt``. Raises OidcError."""
        with self._asking() as session:
            url, _ = session.create_authorization_url(
                self._discovered(session).authorization_endpoint,
                state=attempt.state,
                code_verifier=attempt.verifier,
                nonce=attempt.nonce,
            )
        return url

    def identify(self, code: Secret, attempt: Attempt, now: datetime) -> Identity:
        """The identity of the person who returned with ``code``.

        If the id token has no e-mail address, it comes from the userinfo endpoint.

        Raises:
            OidcError: one of its three subclasses.
        """
        with self._asking() as session:
            metadata = self._discovered(session)
            tokens = self._exchange(session, metadata, code, attempt)
            claims = self._verified(session, metadata, tokens, attempt.nonce, now)
            if "email" not in claims and metadata.userinfo_endpoint and isinstance(tokens.get("access_token"), str):
                claims = claims | self._userinfo(session, metadata.userinfo_endpoint, tokens, claims["sub"])
            return identity(self.client.issuer, claims)

    def check(self) -> None:
        """Fetch again what is needed before anyone can sign in. Raises OidcError."""
        self._metadata = self._keys = None
        with self._asking() as session:
            self._keys_of(session, self._discovered(session))

    @contextmanager
    def _asking(self) -> Iterator[OAuth2Session]:
        """An HTTP session for one visit. HTTP and trust errors become OidcErrors."""
        if not self._places.acquire(blocking=False):
            raise ProviderUnreachable(
                f"{self.client.issuer}: too many sign-ins are waiting for its response; try again in a minute"
            )
        session = OAuth2Session(
            self.client.client_id,
            self.client.client_secret.reveal(),
            scope=SCOPE,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            default_timeout=SECONDS,
        )
        session.session.headers["User-Agent"] = f"st-pipeline/{version('st-pipeline')}"
        # A plain http issuer is on this machine, so bypass any proxy.
        session.session.trust_env = self.client.issuer.startswith("https://")
        session.register_compliance_hook("access_token_response", _whole)
        try:
            yield session
        except NotTrusted as error:
            raise AnswerNotTrusted(f"{self.client.issuer}: {error}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ProviderUnreachable(
                f"{self.client.issuer} did not respond ({type(error).__name__}); check that this machine can reach it"
            ) from None
        finally:
            session.session.close()
            self._places.release()

    def _discovered(self, session: OAuth2Session) -> Metadata:
        kept = self._metadata
        if kept is None or time.monotonic() - kept[0] > KEPT_SECONDS:
            document = self._get(session, get_well_known_url(self.client.issuer, external=True))
            kept = self._metadata = time.monotonic(), read_metadata(self.client.issuer, document)
        return kept[1]

    def _keys_of(self, session: OAuth2Session, metadata: Metadata, *, anew: bool = False) -> KeySet:
        kept = self._keys
        if anew or kept is None or time.monotonic() - kept[0] > KEPT_SECONDS:
            kept = self._keys = time.monotonic(), read_keys(self._get(session, metadata.jwks_uri))
        return kept[1]

    def _exchange(self, session: OAuth2Session, metadata: Metadata, code: Secret, attempt: Attempt) -> dict[str, Any]:
        """RFC 6749, section 4.1.3, and RFC 7636, section 4.5."""
        # In the body if the provider allows it: providers disagree about the header's encoding.
        auth = session.client_auth("client_secret_post") if metadata.takes_secret_in_body else self._basic()
        try:
            return session.fetch_token(
                metadata.token_endpoint,
                auth=auth,
                grant_type="authorization_code",
                code=code.reveal(),
                code_verifier=attempt.verifier,
                allow_redirects=False,
                stream=True,
            )
        except OAuthError as error:
            raise self.refusal(error.error) from None
        except requests.HTTPError:
            raise self.refusal(None) from None
        except (ValueError, TypeError, RecursionError) as error:
            if isinstance(error, requests.RequestException):
                raise
            raise NotTrusted("its token endpoint did not return tokens") from None

    def _basic(self) -> HTTPBasicAuth:
        """RFC 6749, section 2.3.1: both are form-encoded first."""
        return HTTPBasicAuth(quote_plus(self.client.client_id), quote_plus(self.client.client_secret.reveal()))

    def refusal(self, code: object) -> ProviderRefused:
        """An error for the codes of RFC 6749, sections 4.1.2.1 and 5.2; the provider's other text is not repeated."""
        advice = {
            "invalid_grant": "the code was already used, expired, or belongs to another client; sign in again",
            "invalid_client": "check ST_PIPELINE_OIDC_CLIENT_ID and ST_PIPELINE_OIDC_CLIENT_SECRET",
            "unauthorized_client": "allow the authorization code flow for this client at the provider",
            "invalid_request": "check that this redirect URI is registered at the provider: " + self.redirect_uri,
        }
        said = str(code) if re.fullmatch(r"[a-z_]{1,40}", str(code)) else "refused"
        return ProviderRefused(
            f"{self.client.issuer} answered {said}: {advice.get(said, 'check the log of the provider')}"
        )

    def _verified(
        self, session: OAuth2Session, metadata: Metadata, tokens: dict[str, Any], nonce: str, now: datetime
    ) -> dict[str, Any]:
        expected: dict[str, Any] = {"issuer": self.client.issuer, "client_id": self.client.client_id, "nonce": nonce}
        expected |= {"access_token": tokens.get("access_token"), "now": now}
        token = tokens.get("id_token")
        try:
            return verify(token, self._keys_of(session, metadata), **expected)
        except KeyUnknown:
            return verify(token, self._keys_of(session, metadata, anew=True), **expected)

    def _userinfo(self, session: OAuth2Session, url: str, tokens: dict[str, Any], subject: object) -> dict[str, Any]:
        """The userinfo claims about the address, if they are of the same subject (Core 1.0, section 5.3.2)."""
        answer = self._get(session, url, headers={"Authorization": f"Bearer {tokens['access_token']}"})
        if answer.get("sub") != subject:
            raise NotTrusted("its userinfo endpoint returned a different person")
        return {name: answer.get(name) for name in ("email", "email_verified")}

    def _get(self, session: OAuth2Session, url: str, **options: Any) -> dict[str, Any]:
        """The JSON object at ``url``. Redirects are errors, because the provider did not name their target."""
        answer = _whole(session.request("GET", url, withhold_token=True, allow_redirects=False, stream=True, **options))
        found = None
        if answer.status_code == 200:
            with suppress(ValueError, RecursionError):
                found = answer.json()
        if not isinstance(found, dict):
            raise NotTrusted(
                f"{url} answered {answer.status_code} and no JSON object; check ST_PIPELINE_OIDC_ISSUER, then "
                "the provider"
            )
        return found


def provider_of(settings: Settings) -> Provider | None:
    """The provider in ``settings``. Makes no request yet."""
    client = settings.portal_oidc
    return Provider(client, f"{settings.portal_url}{CALLBACK}") if client else None


def _whole(answer: requests.Response) -> requests.Response:
    """The same response, read to its end, with limits on its size and time."""
    with answer:
        if answer.status_code >= 500 or answer.status_code == 429:
            raise ProviderUnreachable(f"{answer.url.split('?')[0]} answered {answer.status_code}; try again later")
        body, until = bytearray(), time.monotonic() + 2 * SECONDS
        while piece := answer.raw.read1(65536, decode_content=True):
            body += piece
            if len(body) > LARGEST_ANSWER:
                raise NotTrusted(f"its response was larger than {LARGEST_ANSWER // 1024} KB")
            if time.monotonic() > until:
                raise requests.Timeout
        answer._content = bytes(body)  # requests would read this itself, without a limit
    return answer

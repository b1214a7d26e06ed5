"""A broker behind every door that the connector can go through, with ACLs on: it starts once a session."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.broker import Broker
from tests.kafka.certificates import Certificates
from tests.kafka.client import Kafka
from tests.kafka.tokens import AUDIENCE, TokenEndpoint

USER = "connector"
PASSWORD = "hush-password"
LISTENERS = {"SASL": "SASL_PLAINTEXT", "SASLTLS": "SASL_SSL", "MTLS": "SSL", "OIDC": "SASL_PLAINTEXT"}
_MODULES = "org.apache.kafka.common.security"
_PLAIN = f"{_MODULES}.plain.PlainLoginModule required"
_SCRAM = f"{_MODULES}.scram.ScramLoginModule required;"
_OAUTH = f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required"
_UNSECURED = {
    "security.protocol": "sasl_plaintext",
    "sasl.mechanism": "OAUTHBEARER",
    "enable.sasl.oauthbearer.unsecure.jwt": "true",
    "sasl.oauthbearer.config": f"principal={USER}",
}
_OIDC = {
    "security.protocol": "sasl_plaintext",
    "sasl.mechanism": "OAUTHBEARER",
    "sasl.oauthbearer.method": "oidc",
    "sasl.oauthbearer.client.id": USER,
    "sasl.oauthbearer.client.secret": "hush-secret",
}
DOORS = (
    "PLAIN",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "SCRAM-SHA-512 over TLS",
    "mTLS",
    "OAUTHBEARER unsecured",
    "OAUTHBEARER OIDC",
)


def _login(mechanism: str, protocol: str = "sasl_plaintext") -> dict[str, str]:
    own = {"security.protocol": protocol, "sasl.mechanism": mechanism}
    return {**own, "sasl.username": USER, "sasl.password": PASSWORD}


def behind_a_login(directory: Path, password: str) -> Broker:
    """A broker that is open to all by one listener; by SASL, with ACLs, to `USER` with this password."""
    login = f'{_PLAIN} user_{USER}="{password}";'
    return Broker(
        directory,
        listeners={"SASL": "SASL_PLAINTEXT"},
        extra_config={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config": login,
        },
    )


def filter_of(acl: Any) -> Any:
    """What finds this very binding, to delete it."""
    return AclBindingFilter(
        acl.restype,
        acl.name,
        acl.resource_pattern_type,
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
    )


class Right(NamedTuple):
    """An ACL that allows `USER` something; a prefix if the name ends in `*`."""

    kind: Any
    name: str
    operation: Any

    def binding(self) -> Any:
        pattern = ResourcePatternType.PREFIXED if self.name.endswith("*") else ResourcePatternType.LITERAL
        name = self.name.removesuffix("*")
        allow = AclPermissionType.ALLOW
        return AclBinding(self.kind, name, pattern, f"User:{USER}", "*", self.operation, allow)


def read_topic(name: str) -> Right:
    return Right(ResourceType.TOPIC, name, AclOperation.READ)


def write_topic(name: str) -> Right:
    return Right(ResourceType.TOPIC, name, AclOperation.WRITE)


def describe_topic(name: str) -> Right:
    return Right(ResourceType.TOPIC, name, AclOperation.DESCRIBE)


def read_group(name: str) -> Right:
    return Right(ResourceType.GROUP, name, AclOperation.READ)


def write_transactional_id(name: str) -> Right:
    return Right(ResourceType.TRANSACTIONAL_ID, name, AclOperation.WRITE)


class Guarded:
    """The broker, its certificates and its token endpoint. Its open listener is the administrator's."""

    def __init__(self, folder: Path) -> None:
        self.certificates = Certificates(folder / "certificates")
        self.tokens = TokenEndpoint(folder / "tokens")
        self.broker = Broker(
            folder / "broker",
            listeners=LISTENERS,
            extra_config=self._config(),
            java_options=[f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self._jwks_url}"],
        )
        self.tokens.start()
        self.broker.start()
        self.kafka = Kafka(self.broker.bootstrap)
        self.admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            self.set_scram(USER, PASSWORD, mechanism)

    def door(self, name: str) -> tuple[str, dict[str, str]]:
        """The address behind which, and the properties with which a client gets in as `USER`."""
        listener, properties = {
            "PLAIN": ("SASL", _login("PLAIN")),
            "SCRAM-SHA-256": ("SASL", _login("SCRAM-SHA-256")),
            "SCRAM-SHA-512": ("SASL", _login("SCRAM-SHA-512")),
            "SCRAM-SHA-512 over TLS": ("SASLTLS", _login("SCRAM-SHA-512", "sasl_ssl") | self._authority),
            "mTLS": ("MTLS", {"security.protocol": "ssl"} | self._authority | self.certificate("client")),
            "OAUTHBEARER unsecured": ("SASL", _UNSECURED),
            "OAUTHBEARER OIDC": ("OIDC", _OIDC | {"sasl.oauthbearer.token.endpoint.url": self.tokens.url}),
        }[name]
        return self.broker.addresses[listener], properties

    @property
    def _authority(self) -> dict[str, str]:
        return {"ssl.ca.location": self.certificates.path("ca.pem")}

    def certificate(self, name: str) -> dict[str, str]:
        """The properties of a client certificate: `client` or `expired`."""
        files = {"ssl.certificate.location": f"{name}.pem", "ssl.key.location": f"{name}.key"}
        return {key: self.certificates.path(file) for key, file in files.items()}

    @property
    def _jwks_url(self) -> str:
        return self.tokens.jwks.as_uri()

    def _config(self) -> dict[str, str]:
        plain = f'{_PLAIN} user_{USER}="{PASSWORD}";'
        validator = f"{_MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
        oidc = "listener.name.oidc"
        return {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            # Sessions end with their tokens: a client that has no new one in time is disconnected.
            "connections.max.reauth.ms": "3600000",
            "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            "listener.name.sasl.plain.sasl.jaas.config": plain,
            "listener.name.sasl.scram-sha-256.sasl.jaas.config": _SCRAM,
            "listener.name.sasl.scram-sha-512.sasl.jaas.config": _SCRAM,
            "listener.name.sasl.oauthbearer.sasl.jaas.config": f'{_OAUTH} unsecuredLoginStringClaim_sub="b";',
            "listener.name.sasltls.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasltls.scram-sha-512.sasl.jaas.config": _SCRAM,
            f"{oidc}.sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{oidc}.oauthbearer.sasl.jaas.config": f"{_OAUTH};",
            f"{oidc}.oauthbearer.sasl.server.callback.handler.class": validator,
            f"{oidc}.sasl.oauthbearer.jwks.endpoint.url": self._jwks_url,
            f"{oidc}.sasl.oauthbearer.expected.audience": AUDIENCE,
            f"{oidc}.sasl.oauthbearer.expected.issuer": self.tokens.url,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.certificates.path("keystore.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.certificates.path("ca.pem"),
            "listener.name.mtls.ssl.client.auth": "required",
            "listener.name.mtls.ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/",
        }

    def set_scram(self, user: str, password: str, mechanism: Any = ScramMechanism.SCRAM_SHA_512) -> None:
        """Give a user this password."""
        credential = ScramCredentialInfo(mechanism, 4096)
        change = UserScramCredentialUpsertion(user, credential, password.encode())
        for future in self.admin.alter_user_scram_credentials([change]).values():
            future.result(10)

    def grant(self, *rights: Right) -> None:
        for future in self.admin.create_acls([right.binding() for right in rights]).values():
            future.result(10)

    def revoke(self, rights: Iterable[Right]) -> None:
        filters = [filter_of(right.binding()) for right in rights]
        for future in self.admin.delete_acls(filters).values():
            future.result(10)

    def stop(self) -> None:
        self.broker.kill()
        self.tokens.stop()

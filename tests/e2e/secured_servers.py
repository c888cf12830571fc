"""A Kafka and a PostgreSQL that let nobody in without TLS, a certificate and a password or a token."""

import asyncio
import itertools
import shutil
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from deploy.local.blocking import run_blocking
from deploy.local.components import Wiring, service
from deploy.local.databases import create_databases, url_of
from deploy.local.identity import load_identity
from deploy.local.kafka import Kafka
from deploy.local.ports import HOST, Ports
from deploy.local.postgres import Postgres
from deploy.local.processes import Processes
from deploy.local.status import answers_ok
from deploy.local.topics import create_topics, topics_of
from tests.breakable import breakable
from tests.token_endpoint import CLIENT, SCOPE, SECRET, TokenEndpoint
from tests.wire.postgres import SSL_REQUEST
from tests.wire.tap import Tap

PREFIX = "secured"
PLAIN_USER, SCRAM_USER = "partner", "order"
SECURED = "listener.name.secured"
PATIENCE_S = 60.0
TOKENS_LIVE_S = 3.0
"""The broker lets nobody stay on a token that has expired."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The PEM files of a certificate and its key."""

    file: Path
    key_file: Path


class Authority:
    """A certificate authority; its files lie in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"Authority {folder.name}")
        own = self._unsigned(self._name, self._key, is_authority=True).sign(self._key, SHA256())
        self.file = folder / "ca.pem"
        self.file.write_bytes(own.public_bytes(Encoding.PEM))

    def certify(self, name: str, *, password: str = "") -> Certificate:
        """A certificate for a server on this machine, or for a client, under any name.

        With a password its key is encrypted.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
        signed = self._unsigned(_name(name), key).add_extension(address, critical=False).sign(self._key, SHA256())
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        made.file.write_bytes(signed.public_bytes(Encoding.PEM))
        encryption: KeySerializationEncryption = NoEncryption()
        if password:
            encryption = BestAvailableEncryption(password.encode())
        made.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return made

    def _unsigned(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool = False
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not is_authority,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=is_authority,
                    crl_sign=is_authority,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )


class TlsFront(Tap):
    """PostgreSQL's TLS for a server that was built without: what comes in by it goes on in the clear."""

    def __init__(self, *, listens: int, target: int, context: ssl.SSLContext) -> None:
        super().__init__(listens=listens, target=target)
        self._context = context

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(8) != struct.pack(">ii", 8, SSL_REQUEST):
                raise ConnectionRefusedError("nobody comes in without TLS")
            writer.write(b"S")
            await writer.start_tls(self._context)
        except (OSError, EOFError):
            writer.transport.abort()
        else:
            await super()._accept(reader, writer)


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a process."""

    code: int | None
    """None: it had to be killed."""
    log: str


class SecuredServers:
    """Both servers, and the order service, which knows them by its settings alone."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._runs = itertools.count(1)
        self.authority, self.stranger = Authority(state / "ours"), Authority(state / "strange")
        self._identity, self._ports = load_identity(state), Ports({})
        self._client = self.authority.certify("client", password=self.password("key"))
        self.partner = self.authority.certify("partner")
        self._server = self.authority.certify("server")
        self._processes = Processes(state)
        self._postgres = Postgres(
            state,
            stack_id=self._identity.stack_id,
            port=self._ports.of("postgres"),
            password=self._identity.password("postgres"),
        )
        self.front = TlsFront(
            listens=self._ports.of("front"),
            target=self._postgres.port,
            context=_server_context(self._server, of_clients=self.authority),
        )
        self.tokens = TokenEndpoint(lives_s=TOKENS_LIVE_S, context=_server_context(self._server))
        self._kafka = Kafka(
            state,
            cluster_id=self._identity.cluster_id,
            port=self._ports.of("kafka"),
            controller_port=self._ports.of("controller"),
            settings=self._secure_kafka(state / "keystore.pem"),
            scram_users={SCRAM_USER: self.password(SCRAM_USER)},
        )
        self._wiring = Wiring(
            state=state,
            identity=self._identity,
            ports=self._ports,
            kafka=f"{HOST}:{self._ports.of('secured')}",
            postgres=f"postgresql://{HOST}:{self.front.listens}",
            prefix=PREFIX,
            seed=0,
        )

    def start(self) -> None:
        """Start both, with a database and the topics."""
        self._processes.start(self._postgres.prepare(print))
        self._processes.start(self._kafka.prepare(print))
        self._processes.await_ready("postgres", self._postgres.answering, PATIENCE_S)
        databases = [self._wiring.database("order")]
        run_blocking(create_databases(self._postgres.url, databases, own_server=True))
        self._processes.await_ready("kafka", self._kafka.answering, PATIENCE_S)
        run_blocking(create_topics(self._kafka.bootstrap, topics_of(PREFIX)))

    def stop(self) -> None:
        """End everything; the logs stay."""
        self._processes.stop_all(self._processes.names())
        self._processes.close()
        data = self._postgres.data
        if not data.is_relative_to(self._state):
            shutil.rmtree(data.parent, ignore_errors=True)

    @property
    def clear_bootstrap(self) -> str:
        """The broker's address for those who run it."""
        return self._kafka.bootstrap

    @property
    def database_password(self) -> str:
        return self._wiring.database("order").password

    def password(self, user: str) -> str:
        """Of a user of the broker."""
        return self._identity.password(user)

    def settings(self, *, without: Sequence[str] = (), **changes: str) -> dict[str, str]:
        """All that the order service is told of the servers."""
        ca, certificate, key = (
            str(file) for file in (self.authority.file, self._client.file, self._client.key_file)
        )
        settings = {
            "OMS_DATABASE_URL": url_of(self._wiring.postgres, self._wiring.database("order")),
            "OMS_DATABASE_TLS": "verify",
            "OMS_DATABASE_CA_FILE": ca,
            "OMS_DATABASE_CERTIFICATE_FILE": certificate,
            "OMS_DATABASE_KEY_FILE": key,
            "OMS_DATABASE_KEY_PASSWORD": self.password("key"),
            "OMS_KAFKA_BOOTSTRAP": self._wiring.kafka,
            "OMS_KAFKA_TLS": "true",
            "OMS_KAFKA_CA_FILE": ca,
            "OMS_KAFKA_CERTIFICATE_FILE": certificate,
            "OMS_KAFKA_KEY_FILE": key,
            "OMS_KAFKA_KEY_PASSWORD": self.password("key"),
            "OMS_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "OMS_KAFKA_USERNAME": SCRAM_USER,
            "OMS_KAFKA_PASSWORD": self.password(SCRAM_USER),
        }
        return {name: value for name, value in {**settings, **changes}.items() if name not in without}

    def settings_with_tokens(self, **changes: str) -> dict[str, str]:
        """The same, but the broker is shown a token instead of a user's password."""
        by_token = {
            "OMS_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
            "OMS_KAFKA_OAUTH_TOKEN_URL": self.tokens.url,
            "OMS_KAFKA_OAUTH_CLIENT_ID": CLIENT,
            "OMS_KAFKA_OAUTH_CLIENT_SECRET": SECRET,
            "OMS_KAFKA_OAUTH_SCOPE": SCOPE,
            "OMS_KAFKA_OAUTH_CA_FILE": str(self.authority.file),
        }
        return self.settings(without=["OMS_KAFKA_USERNAME", "OMS_KAFKA_PASSWORD"], **{**by_token, **changes})

    @contextmanager
    def serve(self, settings: Mapping[str, str]) -> Iterator[httpx2.Client]:
        """Run the order service for as long as the context lasts, from when it is ready; a client of it."""
        self._start("order", (), settings)
        url = self._wiring.url("order")
        self._processes.await_ready("order", lambda: answers_ok(url, "/ready"), PATIENCE_S)
        key = {"Authorization": f"Bearer {self._identity.operator_key}"}
        try:
            with httpx2.Client(base_url=url, headers=key, timeout=30, trust_env=False) as client:
                yield client
        finally:
            self._processes.stop("order")

    def run(self, settings: Mapping[str, str], *arguments: str) -> Ended:
        """Run `python -m services.order` to its end, by itself or by force."""
        name = f"run-{next(self._runs)}"
        self._start(name, arguments, settings)
        code = self._processes.wait(name, PATIENCE_S)
        self._processes.kill(name)
        return Ended(code, self._processes.log(name).read_text())

    def _start(self, name: str, arguments: tuple[str, ...], settings: Mapping[str, str]) -> None:
        component = service("order", name=name).model_copy(update={"arguments": arguments})
        command = self._wiring.command(component)
        kept = {key: value for key, value in command.environment.items() if key not in self.settings()}
        self._processes.start(replace(command, environment={**kept, **settings}))

    def _secure_kafka(self, keystore: Path) -> dict[str, str]:
        """One more listener than the broker has for itself; only that one is told to services."""
        keystore.write_text(self._server.key_file.read_text() + self._server.file.read_text())
        ports = {"PLAINTEXT": "kafka", "CONTROLLER": "controller", "SECURED": "secured"}
        listeners = ",".join(f"{name}://{HOST}:{self._ports.of(port)}" for name, port in ports.items())
        return {
            "listeners": listeners,
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
            f"{SECURED}.ssl.keystore.type": "PEM",
            f"{SECURED}.ssl.keystore.location": str(keystore),
            f"{SECURED}.ssl.truststore.type": "PEM",
            f"{SECURED}.ssl.truststore.location": str(self.authority.file),
            f"{SECURED}.ssl.client.auth": "required",
            f"{SECURED}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
            f"{SECURED}.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule"
            f' required user_{PLAIN_USER}="{self.password(PLAIN_USER)}";',
            f"{SECURED}.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule"
            " required;",
            # Takes any token that names its subject and has not expired.
            f"{SECURED}.oauthbearer.sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer"
            '.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
            f"{SECURED}.oauthbearer.connections.max.reauth.ms": str(3600 * 1000),
        }


@contextmanager
def secured_servers(state: Path) -> Iterator[SecuredServers]:
    """Both servers for as long as the context lasts."""
    breakable()  # they are set up as no others are
    servers = SecuredServers(state)
    with servers.front, servers.tokens:
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _server_context(certificate: Certificate, *, of_clients: Authority | None = None) -> ssl.SSLContext:
    """Of a server; with an authority its clients must have a certificate too."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.file, certificate.key_file)
    if of_clients is not None:
        context.load_verify_locations(of_clients.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context

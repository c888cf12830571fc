"""Settings of the way to a service's database, read from the environment (`OMS_DATABASE_…`)."""

import ssl
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, FilePath, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.eventsourcing.tls import client_context


def _is_readable(url: SecretStr) -> SecretStr:
    try:
        urlsplit(url.get_secret_value()).port  # noqa: B018 - it is read when it is asked for
    except ValueError:
        raise ValueError("no URL; what is special in a password is percent-encoded: / is %2F") from None
    return url


class DatabaseSettings(BaseSettings):
    """Where a service's database is, and how the connection is secured."""

    model_config = SettingsConfigDict(
        env_prefix="OMS_", frozen=True, extra="ignore", use_attribute_docstrings=True
    )

    database_url: Annotated[SecretStr, AfterValidator(_is_readable)]
    """`postgresql://user:password@host:port/database`."""
    database_tls: Literal["off", "require", "verify"] = "off"
    """`require` encrypts, `verify` also checks the server's certificate; `off` takes what the server offers."""
    database_ca_file: FilePath | None = None
    """Whom `verify` trusts; without it the authorities of the system."""
    database_certificate_file: FilePath | None = None
    """The client's certificate, for a server that asks for one."""
    database_key_file: FilePath | None = None
    """Its key, where that is not in the same file."""
    database_key_password: SecretStr = SecretStr("")
    """Of an encrypted key."""

    @model_validator(mode="after")
    def _files_are_for_tls(self) -> Self:
        """Who names certificates relies on them."""
        key = self.database_key_file or self.database_key_password
        if self.database_tls == "off" and (self.database_ca_file or self.database_certificate_file or key):
            raise ValueError("certificates of the database want OMS_DATABASE_TLS to be require or verify")
        if self.database_tls == "require" and self.database_ca_file:
            raise ValueError("OMS_DATABASE_CA_FILE wants OMS_DATABASE_TLS=verify")
        if key and not self.database_certificate_file:
            raise ValueError("a key for the database wants an OMS_DATABASE_CERTIFICATE_FILE")
        return self

    def database_context(self) -> ssl.SSLContext | None:
        """The TLS context of the database connection.

        Raises:
            ValueError: a file can't be used.
        """
        if self.database_tls == "off":
            return None
        context = client_context(
            ca_file=self.database_ca_file,
            certificate_file=self.database_certificate_file,
            key_file=self.database_key_file,
            key_password=self.database_key_password.get_secret_value(),
        )
        if self.database_tls == "require":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def faults_of(wrong: ValidationError | SettingsError) -> str:
    """What is wrong with settings, in one line that names them."""
    if isinstance(wrong, SettingsError):  # its text alone names the field, and quotes it
        field = str(wrong).split('"')[1]
        faults = _fault((field,), f"no JSON: {wrong.__cause__}")
    else:
        faults = "; ".join(_fault(one["loc"], one["msg"]) for one in wrong.errors())
    return f"settings are wrong: {faults}"


def _fault(setting: tuple[int | str, ...], message: str) -> str:
    if not setting:  # of several together, which the message names
        return message.removeprefix("Value error, ")
    return f"OMS_{'_'.join(map(str, setting)).upper()}: {message}"

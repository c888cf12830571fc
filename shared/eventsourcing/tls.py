"""How the services' connections are secured."""

import ssl
from pathlib import Path


def client_context(
    *,
    ca_file: Path | None,
    certificate_file: Path | None = None,
    key_file: Path | None = None,
    key_password: str = "",
) -> ssl.SSLContext:
    """TLS that trusts a server whose certificate has its name and comes from an authority of the file.

    Without a file the authorities of the system are trusted. The client's own certificate is for servers that ask
    for one; its key may be in the same file, and be encrypted under a password.

    Raises:
        ValueError: a file can't be used; one line that names it.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ValueError(f"{ca_file} has no certificates of authorities in PEM: {error}") from error
    if certificate_file is not None:
        try:
            # With a password, be it empty, nobody is asked for one at the terminal.
            context.load_cert_chain(certificate_file, key_file, password=key_password)
        except OSError as error:
            files = f"{certificate_file} and {key_file}" if key_file else str(certificate_file)
            key = "key, which the password opens," if key_password else "unencrypted key"
            raise ValueError(f"{files} are no certificate and its {key} in PEM: {error}") from error
    return context

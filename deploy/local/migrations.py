"""`python -m deploy.local.migrations` brings several services' databases up to date in one process.

Alembic is dear to import: once for all services, and not once for each. OMS_MIGRATIONS holds a JSON object of
database URLs by service.
"""

import json
import os
import sys

from shared.eventsourcing.postgres.migrate import MigrationFailed, migrate


def main() -> None:
    for service, url in json.loads(os.environ["OMS_MIGRATIONS"]).items():
        try:
            migrate(service, url)
        except MigrationFailed as error:
            sys.exit(f"{service}: {error}")


if __name__ == "__main__":
    main()

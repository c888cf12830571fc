"""`python -m services.notification` runs the service; with `migrate` it brings the database up to date."""

import gc
import sys

match sys.argv[1:]:
    case []:
        gc.disable()  # nothing that is imported is garbage; the runtime collects as soon as it serves
        from services.notification.app import main

        main()
    case ["migrate"]:
        # The application is dear to import, and a migration needs none of it.
        from shared.eventsourcing.postgres.migrate import migrate_from_environment

        migrate_from_environment("notification")
    case _:
        sys.exit("usage: python -m services.notification [migrate]")

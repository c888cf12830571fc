import sys

try:
    from oms.cli import main
except KeyboardInterrupt:  # the rest takes a moment to load
    sys.stderr.write("oms: stopped\n")
    sys.exit(130)

sys.exit(main())

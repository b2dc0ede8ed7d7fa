"""`python -m consumer.cli`: the command line without its console script."""

from consumer.cli import main

main()

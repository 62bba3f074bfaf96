"""`python -m autotask_queue.simulator`."""

import argparse
import sys

from autotask_queue.simulator.command import configure, main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="autotask-queue simulator")
    configure(parser)
    sys.exit(main(parser.parse_args()))

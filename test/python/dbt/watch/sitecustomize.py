"""Writes down each name that the program asks the network for, a line each. Python loads it by itself from PYTHONPATH."""

import os
import sys


def note(event, args):
    if event == "socket.getaddrinfo":
        with open(os.environ["NAMES_ASKED"], "a") as names:
            names.write(f"{args[0]}\n")


sys.addaudithook(note)

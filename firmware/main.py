"""The loader: starts the application from slot a or b, or the one beside itself. An update never changes it."""

import os
import sys


def _exists(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def _places():
    """The directories to try, in order: the slot that the file `slot` names, the other slot, where main.py stands."""
    order = ["a", "b"]
    try:
        with open("slot") as file:
            if file.read(1) == "b":
                order = ["b", "a"]
    except OSError:
        pass
    places = [slot for slot in order if _exists(slot + "/terminal/run.py") or _exists(slot + "/terminal/run.mpy")]
    return places + [""]


def _load():
    for place in _places():
        if place:
            sys.path.insert(0, place)
        try:
            from terminal.run import main

            return main
        except Exception as error:
            print("hymio: slot '%s' does not start: %r" % (place or "/", error))
            for name in [name for name in sys.modules if name.split(".")[0] == "terminal"]:
                del sys.modules[name]
            if place:
                sys.path.remove(place)
    return None


_main = _load()
if _main is not None:
    _main()

"""Runs one test file on the MicroPython VM: FAKES NAME on the command line. Prints a line for each failure.

If the VM was given a ROM, the test and the firmware come from there, compiled, and take no heap.
"""

import gc
import sys


def main():
    fakes, name = sys.argv[1:]
    here = sys.path[0]
    sys.path.insert(0, fakes)
    import rom_mount

    rom_mount.mount()
    del sys.modules["rom_mount"], rom_mount
    sys.path.append(here)  # what is not in the ROM: vectors.py looks for the specification from there
    failed = passed = 0
    gc.collect()
    module = __import__(name)
    for test in sorted(dir(module)):
        if not test.startswith("test_"):
            continue
        gc.collect()
        try:
            getattr(module, test)()
            passed += 1
        except Exception as error:
            failed += 1
            print("FAILED", name, test)
            sys.print_exception(error)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


main()

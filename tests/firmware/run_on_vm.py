"""Runs the test files named on the command line: the runner for the MicroPython VM. Prints a line for each failure."""

import gc
import sys


def main():
    failed = passed = 0
    for name in sys.argv[1:]:
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

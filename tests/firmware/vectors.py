"""The test vectors of firmware/spec/log.md and firmware/spec/batch.md, as bytes by their order in the tables."""

PAGES = ("log.md", "batch.md")


def _specification():
    here = __file__.replace("\\", "/")
    return here.rsplit("/", 1)[0] + "/../../firmware/spec/"


def load():
    """A list of (what, bytes) of every table row that ends in a hex vector."""
    rows = []
    for page in PAGES:
        with open(_specification() + page) as file:
            for line in file:
                parts = line.strip().split(" | ")
                if len(parts) == 2 and line.startswith("| ") and parts[1].startswith("`") and parts[1].endswith("` |"):
                    text = parts[1][1:-3]
                    if len(text) >= 32 and all(c in "0123456789abcdef" for c in text):
                        rows.append((parts[0][2:], bytes(int(text[i : i + 2], 16) for i in range(0, len(text), 2))))
    return rows

"""What a certificate (X.509 in DER) says: when it is good, and whose it is. Loaded only to read one.

Where things stand in it: RFC 5280, 4.1; X.690, 8.1.
"""


def read(der):
    """Gives (first moment, last moment, whose) of a certificate. ValueError if it is none.

    Each moment is (year, month, day, hour, minute, second); whose: the bytes of the name and the public key.
    """
    try:
        at, end = _inside(der, 0)
        if end != len(der):
            raise ValueError
        at, end = _inside(der, at)
        if der[at] == 0xA0:  # the version; the first one has none
            at = _inside(der, at)[1]
        for _ in range(3):  # serial number, algorithm, issuer
            at = _inside(der, at)[1]
        begins, at = _inside(der, at)
        ends = _inside(der, begins)[1]
        whose = der[at : _inside(der, _inside(der, at)[1])[1]]
        return _moment(der, begins), _moment(der, ends), whose
    except (ValueError, IndexError):
        raise ValueError("expected a certificate in DER")


def _inside(der, at):
    """Gives (offset of the contents, offset after them) of the element at that offset."""
    size = der[at + 1]
    at += 2
    if size in (0x81, 0x82):
        count = size & 3
        size = 0
        for _ in range(count):
            size = size << 8 | der[at]
            at += 1
    elif size & 128:
        raise ValueError
    if at + size > len(der):
        raise ValueError
    return at, at + size


def _moment(der, at):
    kind = der[at]
    at, end = _inside(der, at)
    digits = str(der[at : end - 1], "utf-8")
    if kind == 0x17:  # 4.1.2.5.1: two digits of a year from 1950 to 2049
        digits = ("19" if digits >= "5" else "20") + digits
    if len(digits) != 14 or not digits.isdigit() or der[end - 1 : end] != b"Z":
        raise ValueError
    return (int(digits[:4]),) + tuple([int(digits[i : i + 2]) for i in range(4, 14, 2)])

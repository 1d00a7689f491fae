"""SMP group 10: which groups this terminal has.

https://docs.zephyrproject.org/latest/services/device_mgmt/smp_groups/smp_group_10.html
"""

from .compat import const
from .console import GROUPS
from .smp_frames import SmpError

_EINVAL = const(3)
_ENOTSUP = const(8)
_TOO_LARGE = const(4)


def answer(session, command, is_write, request):
    """Answers a request. session: the `console.Console`; request: the map that came. Gives the map to be sent.

    SmpError if there is an error to be answered.
    """
    groups = sorted(GROUPS)
    if is_write or command > 3:
        raise SmpError(_ENOTSUP)
    if command == 0:
        return {"count": len(groups)}
    if command == 1:
        return {"groups": groups}
    if command == 3:
        wanted = request.get("groups")
        if wanted is not None and not isinstance(wanted, list):
            raise SmpError(_EINVAL)
        return {"groups": [{"group": g, "name": GROUPS[g]} for g in groups if wanted is None or g in wanted]}
    index = request.get("index", 0)
    if not isinstance(index, int) or not 0 <= index < len(groups):
        raise SmpError(_EINVAL, _TOO_LARGE)
    found = {"group": groups[index]}
    if index == len(groups) - 1:
        found["end"] = True
    return found

"""Moments that a room remembers: ticks wrap after 12 days, so that what is old would look as if it were to come."""

from .compat import const, ticks_add, ticks_diff

_EVERY_MS = const(3600000)  # between two looks; a sleep takes 12 hours at most
_OLD_MS = const(100000000)  # 28 hours: whoever asks how long ago it was wants to know of 24 at most


class Moments:
    """Lets them expire: what is older than 28 hours becomes as old as that. Not older than 41 hours is what anybody
    gets to see, and ticks tell the order of moments that lie less than 149 hours apart.

    A room names in `MOMENTS` its attributes that hold ticks (None, an int or a list of ints) or another such room.
    """

    def __init__(self, room, now_ms):
        """room: the first one; it names the others."""
        self._room = room
        self._looked_at = now_ms

    def step(self, now_ms):
        """To be called every 12 hours or oftener. Allocates nothing."""
        if ticks_diff(now_ms, self._looked_at) >= _EVERY_MS:
            self._looked_at = now_ms
            _expire(self._room, now_ms)


def _expire(room, now_ms):
    for name in room.MOMENTS:
        kept = getattr(room, name)
        if kept is None:
            continue
        if isinstance(kept, int):
            if ticks_diff(now_ms, kept) > _OLD_MS:
                setattr(room, name, ticks_add(now_ms, -_OLD_MS))
        elif isinstance(kept, list):
            for i in range(len(kept)):
                if ticks_diff(now_ms, kept[i]) > _OLD_MS:
                    kept[i] = ticks_add(now_ms, -_OLD_MS)
        else:
            _expire(kept, now_ms)

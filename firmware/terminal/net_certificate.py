"""A new certificate from afar for the key that is here. It is on trial; if it fails, the present one comes back.

spec/mqtt.md "Certificates" has the files. Loaded when there is such an order, and at the boots of its trial.
"""

from binascii import a2b_base64

from .net_commands import CommandRefused
from .compat import const, load, unload
from .net_remote import TRIAL

NEXT = "cert.next"  # the certificate on trial
_MOST_BYTES = const(1024)
_BOOTS = const(3)


def begin(request, files, uplink, clock):
    """Has the terminal start anew with the certificate in `request`. False if it has that one already.

    files: a `net_remote.Files`. CommandRefused if the certificate won't do.
    """
    place = uplink.tls["cert"] if uplink.tls else ""
    if not place:
        raise CommandRefused("there is no certificate here that it could follow")
    from .net_tls import date  # imported only here, because without TLS nobody needs that module

    try:
        new = a2b_base64(request.get("cert"))
        with open(place, "rb") as file:
            old = file.read()
        if new == old:
            return False
        read = load("certificate").read
        _, ends, whose = read(new)
        if len(new) > _MOST_BYTES:
            raise ValueError("expected %d bytes at most" % _MOST_BYTES)
        if whose != read(old)[2]:
            raise ValueError("expected one for this terminal's name and key")
        if ends < date((clock.utc_ms() or clock.floor_ms) // 1000):
            raise ValueError("expected one that has not expired")
    except (ValueError, TypeError) as error:
        raise CommandRefused("cert: %s" % error)
    finally:
        unload("certificate")
    files.put_aside(NEXT, new)
    files.write(TRIAL, {"id": request["id"], "cert": place, "boots": 0})  # from here on the new one is on trial
    uplink.restart()
    return True


def end(uplink, files, trial):
    """Ends the trial. Gives the reply, or None if that comes after a restart with the old certificate."""
    if uplink.outbox.is_heard:
        files.rename(NEXT, trial["cert"])  # from here on the new one is the present one
        files.remove(TRIAL)
        uplink.renewed(trial["cert"])
        return _reply(trial, None)
    files.write(TRIAL, {"id": trial["id"], "error": "no ack in 10 minutes"})  # from here on the new one has failed
    uplink.restart()
    return None


def boot(files, trial):
    """Gives (whether this boot is on trial, what is to be reported or None, the certificate on trial or None).

    trial: what the file TRIAL says.
    """
    error = trial.get("error")
    if error is None and files.has(NEXT):  # else the new one is the present one, and a power cut came before the reply
        boots = trial.get("boots")
        if isinstance(boots, int) and boots < _BOOTS:
            trial["boots"] = boots + 1
            files.write(TRIAL, trial)
            return True, None, NEXT
        error = "no ack in %d boots" % _BOOTS
    files.remove(TRIAL)
    files.remove(NEXT)
    return False, _reply(trial, error), None


def _reply(trial, error):
    reply = {"id": trial["id"], "ok": error is None}
    if error:
        reply["error"] = "rolled back: %s" % error
    return reply

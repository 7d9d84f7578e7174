"""What the rooms of the web share: `Web`, whose request it is, and which status an error of the door has."""

from __future__ import annotations

import attrs
import trio
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trisalt.client.door import MasterUnreachable
from trisalt.errors import AuthError, NotFound, RequestTimeout, StoreError
from trisalt.web.audit import Audit
from trisalt.web.commands import Commands
from trisalt.web.door import Door
from trisalt.web.logins import Logins
from trisalt.web.sessions import Session, Sessions
from trisalt.web.settings import Settings
from trisalt.web.streams import Hub
from trisalt.web.tally import Tally


@attrs.frozen(kw_only=True)
class Web:
    """What the rooms share. What outlives the request that begins it runs in `nursery`, which ends with the server."""

    settings: Settings
    door: Door
    sessions: Sessions
    audit: Audit
    logins: Logins
    commands: Commands
    nursery: trio.Nursery
    hub: Hub
    tally: Tally = attrs.field(factory=Tally)

    def under(self, settings: Settings) -> Web:
        """The same, of other settings: sessions, streams, and who has to wait stay."""
        return attrs.evolve(self, settings=settings, logins=self.logins.under(settings))


def make_web(settings: Settings, door: Door, sessions: Sessions, nursery: trio.Nursery) -> Web:
    """A web of these, with all that follows from them."""
    audit = Audit(settings.log_dir)
    return Web(
        settings=settings,
        door=door,
        sessions=sessions,
        audit=audit,
        logins=Logins(settings, door, sessions, audit),
        commands=Commands(door, audit),
        nursery=nursery,
        hub=Hub(door, nursery),
    )


def needs_session(request: Request) -> Session:
    """Whose request this is. Raises HTTPException 401 when nobody's."""
    session: Session | None = request.state.session
    if session is None:
        raise HTTPException(401, "No valid session: please log in", {"WWW-Authenticate": "Session"})
    return session


def status_of(exc: Exception) -> int:
    """Which status an error of the door has for a client."""
    match exc:
        case AuthError():
            # As stock Salt: whoever may not do something is told the same as whoever is not known.
            return 401
        case NotFound():
            return 404
        case MasterUnreachable():
            return 503
        case RequestTimeout():
            return 504
        case StoreError():
            return 500
    return 400

"""The page's server: the pages, the state as JSON, and a stream of the overview's changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.shared.credentials import Access
from sandbox.shared.wsgi_server import WsgiServer

from .application import Source, application, describe
from .details import Details, NoDetails
from .guard import PageGuard
from .updates import Updates
from .view import overview

if TYPE_CHECKING:
    from flask import Flask

LOG = logging.getLogger("sandbox.page")

Json = dict[str, Any]

MAX_BODY_BYTES = 65_536  # nothing is sent to it
# After which a client that does not take what it is sent is given up.
STUCK_SECONDS = 30.0


class PageServer(WsgiServer):
    """Serves the pages about what `source` returns, which is what `sandbox.page.snapshot.snapshot` returns.

    `/` is the overview, `/api/state` the source's content, `/api/stream` what the overview shows: as
    server-sent events, first all of it, then the parts that change. The source is called from any thread, and
    returns something new each time. `details` has stacks and whole packages, for pages of their own.
    """

    name = "page"
    bounds: ClassVar = {"timeout": STUCK_SECONDS, "max_body_bytes": MAX_BODY_BYTES}

    def __init__(
        self, source: Source, port: int = 0, access: Access | None = None, details: Details | None = None
    ) -> None:
        self._page_guard = PageGuard(access)
        super().__init__(port, self._page_guard)
        self._source = source
        self._details: Details = details or NoDetails()
        self._updates: Updates | None = None

    def make_application(self) -> Flask:
        """Return the page's application, beside the thread that polls the source for its streams."""
        self._updates = Updates(_OverviewContent(self._source, self._details)).start()
        return application(self._source, self._details, self._updates, self._page_guard)

    def stop(self) -> None:
        """End all streams and stop serving; a second time does nothing."""
        super().stop()  # before the streams end: a page that connects again must not succeed
        if self._updates is not None:
            self._updates.stop()
            self._updates = None


class _OverviewContent:
    """Returns the parts of the overview; a source that fails is one of them, and is logged once."""

    def __init__(self, source: Source, details: Details) -> None:
        self._source = source
        self._details = details
        self._state: Json = {}
        self._content: Json = {}
        self._problem = ""

    def __call__(self) -> Json:
        try:
            state = {**self._source(), "stacks": self._details.stacks(wait=False)}
            if state != self._state or not self._content:
                self._state, self._content = state, overview.view(state)
        except Exception as failure:
            problem = describe(failure)
            if problem != self._problem:
                LOG.exception("the page has nothing to show")
            self._problem = problem
        else:
            self._problem = ""
        return {**self._content, "problem": self._problem}

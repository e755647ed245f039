# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The HTTP session under the `cs` library: one request, one answer, in a time that holds for the whole of it."""

from __future__ import annotations

import queue
import threading
from typing import Any

try:
    import requests

    Session: Any = requests.Session
except ImportError:  # reported by cloudstack/client/cloudstack.py, with what to do about it
    Session = object

LARGEST = 64 * 2**20  # bytes of an answer; 500 hosts with all details are about 2 MiB
CHUNK = 65536  # bytes


class WholeCallSession(Session):
    """Sends a request once and reads its answer whole.

    The second of the two `timeout`s is for the whole call, because that of requests starts again with each byte. A redirect is
    handed back, not followed: the request holds the API key and a signature. Raises what requests raises.
    """

    def send(self, request: Any, **kwargs: Any) -> Any:
        """The response with its body. The thread that waits for it is left behind after the time: nothing else can end a slow read."""
        seconds = kwargs["timeout"][1]
        box: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._into, args=(box, request, kwargs), daemon=True).start()
        try:
            outcome = box.get(timeout=seconds)
        except queue.Empty:
            raise requests.exceptions.ReadTimeout(f"no whole answer within {seconds:.0f} s", request=request) from None
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _into(self, box: queue.SimpleQueue, request: Any, kwargs: dict[str, Any]) -> None:
        try:
            box.put(self._exchange(request, kwargs))
        except BaseException as error:  # handed over to the caller, whatever it is
            box.put(error)

    def _exchange(self, request: Any, kwargs: dict[str, Any]) -> Any:
        response = super().send(request, **{**kwargs, "allow_redirects": False, "stream": True})
        with response:
            body = bytearray()
            for chunk in response.iter_content(CHUNK):
                body += chunk
                if len(body) > LARGEST:
                    raise requests.exceptions.ContentDecodingError(f"the answer is longer than {LARGEST} bytes")
        response._content = bytes(body)
        response.encoding = "utf-8"  # what CloudStack sends; a guess would take seconds for a large answer
        return response

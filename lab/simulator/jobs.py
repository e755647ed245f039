# SPDX-License-Identifier: GPL-3.0-or-later
"""Asynchronous jobs: a call answers with a jobid at once, its work runs beside, queryAsyncJobResult tells how it
ended."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

from .clock import Clock
from .errors import ApiError, failed
from .records import Record, Table

PENDING, SUCCEEDED, FAILED = 0, 1, 2
LOG = logging.getLogger(__name__)


class Jobs:
    """All jobs, and the threads that run them."""

    def __init__(self, clock: Clock, table: Table) -> None:
        self._clock, self._table = clock, table
        self.lose_next = 0  # staged fault: this many jobs end as after a crash of their server

    def start(
        self,
        java_class: str,
        work: Callable[[], Any],
        instance: tuple[str, str | None] | None,
        custom: str | None = None,
    ) -> Record:
        """Run `work` beside. `instance` is the (type, UUID) that the job's row names."""
        if custom and self._table.number_of(custom) is not None:
            raise ApiError(530, "Entity already exists ")
        job = self._table.add(
            java_class=java_class, status=PENDING, instance=instance, created=self._clock.stamp(), result=None, code=0
        )
        if custom:
            job.uuid = str(uuid.UUID(custom))
        thread = threading.Thread(target=self._run, args=(job, work), daemon=True, name=f"job-{job.number}")
        job["thread"] = thread
        thread.start()
        return job

    def _run(self, job: Record, work: Callable[[], Any]) -> None:
        try:
            result = _stamped(work(), job)
            status, code = SUCCEEDED, 0
        except ApiError as error:
            result, status, code = {"errorcode": error.code, "errortext": error.text}, FAILED, error.code
        except Exception as error:  # a defect of the simulator; the caller must not wait for ever
            LOG.exception("job %s failed", job.uuid)
            internal = failed(f"Command failed due to Internal Server Error: {error}")
            result, status, code = {"errorcode": internal.code, "errortext": internal.text}, FAILED, internal.code
        if self.lose_next > 0:  # found failed after a restart: no result and no text
            self.lose_next -= 1
            result, status, code = None, FAILED, 530
        job["result"], job["code"], job["completed"] = result, code, self._clock.stamp()
        job["status"] = status


def _stamped(result: Any, job: Record) -> Any:
    """Hosts, storage pools and guests in results name their job, and its state just before the end (recorded)."""
    for kind in ("host", "storagepool", "virtualmachine"):
        if isinstance(result, dict) and isinstance(result.get(kind), dict):
            result = {kind: {**result[kind], "jobid": job.uuid, "jobstatus": PENDING}}
    return result

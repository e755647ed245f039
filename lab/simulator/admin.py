# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own channel, on loopback: stage faults, count writes. No part of CloudStack."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, request

from .cloud import Cloud
from .faults import Faults
from .records import Record


def create_app(cloud: Cloud, faults: Faults) -> Flask:
    """GET /writes; GET /state: all rows; POST /reset: an empty cloud; POST /faults {kind, command, times}; DELETE
    /faults."""
    app = Flask(__name__)

    @app.get("/writes")
    def writes():
        return jsonify(count=cloud.writes)

    @app.get("/state")
    def state():
        with cloud.lock:
            return jsonify({name: [_shown(row) for row in table] for name, table in cloud.tables.items()})

    @app.post("/reset")
    def reset():
        faults.clear()
        with cloud.lock:
            cloud.reset()
        return jsonify(reset=True)

    @app.post("/faults")
    def stage():
        wanted = request.get_json()
        try:
            faults.stage(wanted["kind"], wanted.get("command"), int(wanted.get("times", 1)))
        except (KeyError, ValueError) as error:
            return jsonify(error=str(error)), 400
        return jsonify(staged=wanted)

    @app.delete("/faults")
    def heal():
        faults.clear()
        return jsonify(healed=True)

    return app


def _shown(row: Record) -> dict[str, Any]:
    """A row without secrets and without what is not JSON."""
    data: dict[str, Any] = {
        key: value
        for key, value in row.data.items()
        if isinstance(value, (str, int, float, bool, list, tuple, dict, type(None)))
    }
    if data.get("oobm"):
        data["oobm"] = {**data["oobm"], "password": "****"}
    data.pop("result", None)  # of jobs: it may quote a command line
    return {"number": row.number, "uuid": row.uuid, **data}

# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own channel, on loopback: stage faults, count writes. No part of CloudStack."""

from __future__ import annotations

from flask import Flask, jsonify, request

from .cloud import Cloud
from .faults import Faults


def create_app(cloud: Cloud, faults: Faults) -> Flask:
    """GET /writes; POST /faults {kind, command, times}; DELETE /faults."""
    app = Flask(__name__)

    @app.get("/writes")
    def writes():
        return jsonify(count=cloud.writes)

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

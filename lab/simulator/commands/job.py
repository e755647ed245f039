# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at asynchronous jobs (recorded/jobs.json)."""

from __future__ import annotations

from ..cloud import Cloud
from ..errors import bad_parameter
from ..jobs import PENDING
from ..records import Record
from ..registry import Arguments, command
from .common import listing

INSTANCE_TYPES = (
    "Host",
    "TrafficType",
    "PhysicalNetwork",
    "StoragePool",
    "Zone",
    "Cluster",
    "PhysicalNetworkServiceProvider",
    "VirtualMachine",
    "Volume",
)


def view(cloud: Cloud, job: Record) -> dict:
    """A job as queryAsyncJobResult shows it. Where it runs is shown while it runs, its result when it is done."""
    fields = {
        "accountid": cloud.account.uuid, "account": "admin", "domainid": cloud.domain.uuid, "domainpath": "ROOT",
        "userid": cloud.user.uuid,
        "cmd": job["java_class"], "jobprocstatus": 0, "jobresultcode": job["code"],
    }  # fmt: skip
    if job["result"] is None:  # it runs, or its server is gone
        fields |= {"managementserverid": cloud.server.uuid, "managementservername": cloud.server["name"]}
    else:
        fields |= {"jobresulttype": "object", "jobresult": job["result"]}
    if job["instance"]:
        fields["jobinstancetype"] = job["instance"][0]
        if job["instance"][1]:  # a zone or a cluster is not named
            fields["jobinstanceid"] = job["instance"][1]
    fields["created"] = job["created"]
    if job["status"] != PENDING:
        fields["completed"] = job["completed"]
    return {**fields, "jobid": job.uuid, "jobstatus": job["status"]}


@command("queryAsyncJobResult", "jobid resourceid resourcetype")
def query(cloud: Cloud, given: Arguments) -> dict:
    if given.get("jobid") is not None:
        return view(cloud, cloud.get("job", given["jobid"]))
    kind, number = given.get("resourcetype"), given.get("resourceid")
    if not kind and not number:
        raise bad_parameter("Expected parameter job id or parameters resource type and resource id")
    if not kind or not number:
        raise bad_parameter("Both resourceid and resourcetype required")
    if kind not in INSTANCE_TYPES:
        raise bad_parameter("Invalid resourcetype")
    jobs = [job for job in cloud.table("job") if job["instance"] == (kind, number)]
    if not jobs:
        raise bad_parameter(f"Unable to find a job for the resource {kind} {number}")
    return view(cloud, jobs[-1])


@command(
    "listAsyncJobs", "listall resourceid resourcetype startdate"
)  # listall: there is one user, whose jobs are all jobs
def list_jobs(cloud: Cloud, given: Arguments) -> dict:
    running = [job for job in cloud.table("job") if job["status"] == PENDING]
    if given.get("resourcetype"):
        running = [job for job in running if job["instance"] == (given["resourcetype"], given.get("resourceid"))]
    if given.get("startdate"):
        running = [job for job in running if job["created"] >= given["startdate"].strftime("%Y-%m-%dT%H:%M:%S")]
    return listing("asyncjobs", running, lambda job: view(cloud, job), given)

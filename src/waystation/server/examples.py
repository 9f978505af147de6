"""Examples for the API's documentation: one run of an approval, seen from all sides."""

from __future__ import annotations

from pydantic.config import JsonDict

SUMMARY: JsonDict = {
    "run_id": "order-7",
    "workflow_id": "approval",
    "version": "",
    "status": "suspended",
    "resource_id": "DOC-1",
    "created_at": "2026-03-02T09:00:00.000+00:00",
    "updated_at": "2026-03-02T09:00:00.012+00:00",
    "wake_at": None,
}

SUSPENSION: JsonDict = {
    "id": "order-7@3",
    "run_id": "order-7",
    "workflow_id": "approval",
    "version": "",
    "address": "review",
    "label": "",
    "payload": {"text": "Please approve DOC-1"},
    "opened_at": "2026-03-02T09:00:00.012+00:00",
    "ask_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
    "answer_schema": {
        "type": "object",
        "properties": {"approved": {"type": "boolean"}},
        "required": ["approved"],
    },
}

STANDING: JsonDict = {
    "run_id": "order-7",
    "workflow_id": "approval",
    "status": "suspended",
    "suspensions": [SUSPENSION],
}

DETAIL: JsonDict = {
    **SUMMARY,
    "standing": STANDING,
    "started_at": "2026-03-02T09:00:00.000+00:00",
    "ended_at": None,
    "input": {"document_id": "DOC-1"},
    "forked_from": None,
    "problem": None,
}

FAILURE: JsonDict = {
    "code": "exception",
    "type": "ConnectionError",
    "message": "the printer is off",
    "address": "print",
}

HISTORY: JsonDict = {
    **SUMMARY,
    "started_at": "2026-03-02T09:00:00.000+00:00",
    "ended_at": None,
    "input": {"document_id": "DOC-1"},
    "error": None,
    "branches": {},
    "steps": [
        {
            "address": "review",
            "status": "suspended",
            "attempts": 1,
            "began": "2026-03-02T09:00:00.000+00:00",
            "ended": None,
            "retry_at": None,
            "output": None,
            "error": None,
            "failures": [],
            "once": [],
            "suspensions": [
                {
                    "label": "",
                    "asked_at": "2026-03-02T09:00:00.012+00:00",
                    "payload": {"text": "Please approve DOC-1"},
                    "answered_at": None,
                    "answer": None,
                    "actor": "",
                    "channel": "",
                }
            ],
        }
    ],
    "nodes": [],
    "cancel": None,
    "forked_from": None,
}

ENTRY: JsonDict = {
    "seq": 3,
    "kind": "step-suspended",
    "at": 1772442000012,
    "address": "review",
    "attempt": 1,
    "began": 1772442000003,
    "payload": {"text": "Please approve DOC-1"},
}

LOG_LINE: JsonDict = {
    "n": 1772442000012345,
    "at": "2026-03-02T09:00:00.012+00:00",
    "level": "INFO",
    "address": "review",
    "attempt": 1,
    "message": "DOC-1 is asked for",
}

WORKFLOW: JsonDict = {
    "workflow_id": "approval",
    "version": "",
    "current": True,
    "description": "Asks someone, and prints what was approved.",
    "steps": 2,
    "schedule": False,
    "input_schema": {
        "type": "object",
        "properties": {"document_id": {"type": "string"}},
        "required": ["document_id"],
    },
}

SCHEDULE: JsonDict = {
    "id": "report",
    "workflow_id": "report",
    "cron": "0 9 * * 1",
    "tz": "Europe/Paris",
    "next_at": "2026-03-09T08:00:00.000+00:00",
    "last_at": "2026-03-02T08:00:00.000+00:00",
    "paused": False,
}

ME: JsonDict = {"actor": "ada", "scopes": ["answer", "read"], "auth": "token", "version": "0.1.0"}

PROBLEM: JsonDict = {
    "type": "about:blank",
    "title": "Conflict",
    "status": 409,
    "detail": "the suspension of run 'order-7' at 'review' was answered already by 'ada'; the first answer counts. "
    "The run is success",
    "code": "already_answered",
    "run_id": "order-7",
}

START: JsonDict = {"input": {"document_id": "DOC-1"}, "run_id": "order-7", "resource_id": "DOC-1"}

ANSWER: JsonDict = {"data": {"approved": True}, "suspension": "order-7@3", "wait_seconds": 5}

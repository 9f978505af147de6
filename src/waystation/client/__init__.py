"""A Waystation server from Python: ``waystation[client]``.

    from waystation.client import Client

    async with Client("http://127.0.0.1:8484", token=token) as client:
        result = await client.get_workflow(approval_workflow).start({"document_id": "DOC-1"})

The calls, the results and the errors are those of an app in one's own process.
"""

from waystation.client.client import Client
from waystation.client.run import RemoteRun
from waystation.client.workflow import RemoteWorkflow

__all__ = ["Client", "RemoteRun", "RemoteWorkflow"]

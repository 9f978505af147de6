"""What is wrong with a client's calls is seen where it is written."""

from __future__ import annotations

from waystation import step, workflow
from waystation.client import Client, RemoteRun


@step
def double(number: int) -> int:
    return number * 2


doubling = workflow("doubling", input=int, output=int).then(double).commit()

Client()  # refused
Client("http://127.0.0.1:8484", "token")  # refused
Client("http://127.0.0.1:8484", workflows=doubling)  # refused


async def unchecked(client: Client) -> None:
    result = await client.get_workflow(doubling).start(1)
    print(result.result)  # refused
    if result.status == "success":
        text: str = result.result  # refused
        print(text)


async def wrong_calls(client: Client, run: RemoteRun[int, int]) -> None:
    client.get_workflow(double)  # refused
    await run.resume({"approved": True})  # refused
    await run.resume(data=1, actor="ada")  # refused
    await run.start()  # refused
    other: RemoteRun[int, str] = run  # refused
    print(other)

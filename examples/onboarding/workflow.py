"""Onboarding: fetch a user, greet them. The smallest workflow: two steps, nobody is waited for.

python -m examples.onboarding.workflow
"""

from __future__ import annotations

from pydantic import BaseModel

from waystation import Waystation, step, workflow


class NewUser(BaseModel):
    user_id: int


class User(BaseModel):
    name: str
    city: str


class Greeting(BaseModel):
    text: str


USERS = {1: User(name="Ada", city="London"), 2: User(name="Linus", city="Helsinki")}


@step
async def fetch_user(new: NewUser) -> User:
    """Where your database or HTTP call would be."""
    if new.user_id not in USERS:
        raise LookupError(f"there is no user {new.user_id}")
    return USERS[new.user_id]


@step
def greet(user: User) -> Greeting:
    return Greeting(text=f"Welcome, {user.name}! How is {user.city}?")


onboarding = workflow("onboarding", input=NewUser, output=Greeting).then(fetch_user).then(greet).commit()

app = Waystation(workflows=[onboarding], store="memory://")

if __name__ == "__main__":
    result = app.run(onboarding, {"user_id": 1})
    if result.status == "success":
        print(result.result.text)
    app.close_sync()

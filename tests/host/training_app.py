"""The on-screen terminal in an application of its own: `python training_app.py DB RUNTIME [TERMINALS [IDLE_S]]`.

It prints its port on the first line of stdout, and runs until it is told to end.
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from fastapi import FastAPI

from hymio.store.database import open_store
from hymio.training.router import Training, training_router


def main() -> None:
    db, runtime, *numbers = sys.argv[1:]
    terminals, idle_s = [float(number) for number in numbers] + [3.0, 600.0][len(numbers) :]
    training = Training(open_store(db, create=True), db, terminals=int(terminals), idle_s=idle_s, runtime=runtime)
    app = FastAPI()
    app.include_router(training_router(training))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", ws_max_size=4096)).run([listener])


if __name__ == "__main__":
    main()

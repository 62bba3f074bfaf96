"""A program that embeds the queue and is killed: submits, says which ids were acknowledged, sends.

python outbox_child.py QUEUE_FILE BASE_URL USER SECRET CODE FIRST COUNT
"""

from __future__ import annotations

import asyncio
import sys

from autotask_queue import Credentials, QuickSetup

TICKET = {"companyID": 0, "queueID": 5, "priority": 2, "status": 1, "dueDateTime": "2030-03-21T00:00:00Z"}


async def main(path: str, own: Credentials, first: int, count: int) -> None:
    credentials = {"zone1": own}
    async with QuickSetup.sqlite(path, credentials=credentials) as queue:
        for number in range(first, first + count):
            receipt = await queue.submit(
                "/Tickets", "POST", "zone1", data=TICKET | {"title": f"Crash {number}"}
            )
            sys.stdout.write(f"Crash {number} {receipt.id}\n")
            sys.stdout.flush()
            await asyncio.sleep(0.01)
        await asyncio.sleep(30)


if __name__ == "__main__":
    path, url, user, secret, code, first, count = sys.argv[1:]
    own = Credentials(user=user, secret=secret, integration_code=code, url=url)
    asyncio.run(main(path, own, int(first), int(count)))

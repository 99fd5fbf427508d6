"""Guest processes: agents of other frameworks, and our own ``async def`` ones, run beside the worker."""

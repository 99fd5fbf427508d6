from agentos import MemoryStorage, hookimpl


@hookimpl
def register_storage_backends(register):
    register("scratch", lambda url, config: MemoryStorage())

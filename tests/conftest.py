from parts.postgres import fresh_postgresql_url, postgres_server
from parts.redis import fresh_redis_url, redis_server

__all__ = ["fresh_postgresql_url", "fresh_redis_url", "postgres_server", "redis_server"]

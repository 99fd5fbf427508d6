from parts.postgres import fresh_postgresql_url, postgres_server

__all__ = ["fresh_postgresql_url", "postgres_server"]

"""The resources of the API under ``/api/v1``, their schemas and their JSON."""

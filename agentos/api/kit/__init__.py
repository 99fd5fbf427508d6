"""What every way into the server uses: routes, bodies, streams, errors, the OpenAPI document."""

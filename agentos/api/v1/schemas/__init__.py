"""What requests may hold and what answers hold, as marshmallow schemas; the OpenAPI document is made from them."""

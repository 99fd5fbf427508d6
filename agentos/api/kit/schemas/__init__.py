"""The fields and structures that schemas of requests and answers are made of."""

raise LookupError("no such model")

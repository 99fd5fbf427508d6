from agentos import hookimpl


def day_of_week(date: str) -> str:
    """Say which day of the week a date is.

    Args:
        date: The date, as in 2027-01-31.
    """
    from datetime import date as dates

    return f"{dates.fromisoformat(date):%A}"


@hookimpl
def register_tools(register):
    register(day_of_week)

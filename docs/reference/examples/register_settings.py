from agentos import hookimpl, kinds


@hookimpl
def register_settings(register):
    register("weather_units", kinds.one_of("metric", "imperial"), "metric", "Units of the answers.")
    register("weather_key", str, None, "Key of the weather service.", secret=True)

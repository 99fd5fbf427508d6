"""An adapter in one file, whose framework is never loaded here."""

import a_framework_that_is_not_installed

ADAPTER = a_framework_that_is_not_installed

# What doc/ builds.

# What contrib/ builds.

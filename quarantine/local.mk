# What quarantine/ builds.

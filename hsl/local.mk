# What hsl/ builds.

# What milter/ builds.

# What is shipped beside the programs: the two entry commands and their common part.
EXTRA_DIST += contrib/check contrib/demo contrib/common.sh contrib/demo.d

"""Commands of the Makefile; `ape run` finds the ones with a click command."""

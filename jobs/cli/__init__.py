"""The command line: options, output and one thin file per command."""

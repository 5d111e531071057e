"""The command line and the cluster jobs: the only place that knows Ray and the terminal."""

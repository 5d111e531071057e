"""What runs on a cluster, and the command line. The only place that knows Ray and the terminal."""

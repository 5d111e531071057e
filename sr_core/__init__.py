"""The library: super-resolution for whole photo archives, without Ray and without a terminal."""

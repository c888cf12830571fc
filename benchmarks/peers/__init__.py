"""The same placement by other libraries, on the PostgreSQL of the benchmarks' own stack."""

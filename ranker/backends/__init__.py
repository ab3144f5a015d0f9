"""One heavy library a file, imported late. Only the cli and the benchmarks choose among them."""

"""What `benchmarks.gpu_throughput` and `benchmarks.gpu_encoder` are made of; README.md says how to run them."""

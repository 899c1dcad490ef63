# One command for each thing that a developer does. The steps are in .ci/run,
# which runs all of them without arguments.

.PHONY: check test fuzz bench bench-size bench-peers bench-arm cross demo figures

check: ## formatting, vet, staticcheck, complexity, modules, layers, builds for every platform
	.ci/run format vet lint modules build layers cross

test: ## a case of every subject; EDGEC_DATA names real networks, EDGEC_DEEP=1 adds the slow tests
	go test ./...

fuzz: ## FUZZ=n inputs for each fuzz target
	.ci/run fuzz

bench: ## every benchmark, with ratios to the alternatives in the same run
	go test -run '^$$' -bench . ./...

bench-size: ## docs/BENCHMARKS.md: EDGEC_DATA names the networks; each row takes minutes; needs xz and zstd
	go run ./internal/bench -coders
	go run ./internal/bench

bench-peers: ## docs/SPEED.md: times beside ONNX Runtime and LiteRT; bench/setup.sh installs them, EDGEC_DATA names the networks
	cd bench && go run ./peers -o ../docs/SPEED.md

bench-arm: ## docs/SPEED.md: instructions of an inference on ARM processors under qemu-user
	cd bench && go run ./arm -o ../docs/SPEED.md

cross: ## the runtime's tests on emulated ARM, RISC-V and s390x CPUs
	.ci/run cross qemu

demo: ## the whole way, on a network and data that the repository has
	go run ./cmd/edgec demo

figures: ## the size and the shape of the source tree
	scripts/figures

// Package targets knows the boards and builds programs for them: a model and
// the runtime in one static file that needs nothing on the board, made by the
// installed Go toolchain alone, without a network.
package targets

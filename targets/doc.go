// Package targets knows the boards and builds programs for them: a model and
// the runtime in one static file that needs nothing on the board, made by the
// installed Go toolchain alone, without a network.
//
//	board, err := targets.Find("rpi-zero")
//	result, err := targets.Build(ctx, edgec.Sources, file, board, "lenet-5", targets.Options{})
//
// Boards is the table. A new board is a row.
package targets

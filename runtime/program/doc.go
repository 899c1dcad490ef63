// Package program is the program that runs on a device: it reads pictures,
// arrays or raw bytes, executes a model and prints what it says. Programs made
// by "edgec build" are this package and a model; "edgec run" and "edgec bench"
// are the same code on the host, so both give the same bytes.
//
// Numbers are printed by strconv, options are parsed by hand: the programs
// stay small.
package program

// Package deploy puts programs with a model onto a device, and takes them back.
//
// A device has one folder for a deployment:
//
//	store/SHA256/program        a program, under the checksum of its bytes
//	store/SHA256/manifest.json  what it is
//	current                     symbolic link to the folder in store that runs
//	previous                    symbolic link to the one before
//	state.json                  the highest accepted version, what failed, the trial that goes on
//	lock                        who is deploying
//	given-up                    what current pointed to before a service on the device went back
//
// Only the host decides. The device needs a file system with symbolic links, and a shell for
// programs to be started.
//
// # What a cut of power leaves
//
// A file is written under a temporary name, synced, renamed, and its folder is synced. In
// this order a deployment
//
//  1. puts the program into the store and compares the checksum of what the device has; if the
//     host has the program that runs, it sends a delta, which that program applies on the device,
//     and the whole program if that fails,
//  2. runs the self-test, and the latency measurement if there is a limit,
//  3. writes the trial into state.json, points previous to the running program, and renames
//     a new link over current: the switch,
//  4. runs the self-test through current, and the command of the user,
//  5. raises the version in state.json, which ends the trial, and removes old programs.
//
// So current is a whole program that passed its tests, whatever happens between two steps.
// The next command that reaches the device ends a trial that was cut off: it repeats step 4,
// and keeps the new program or returns to the old one. A program that fails in step 2 or 4 is
// remembered and not installed again unless that is asked for.
//
// crash_test.go proves this on a model of a file system that forgets what was not synced.
package deploy

// Package search looks for the best compressed file of a network within an
// Objective: a largest loss of accuracy, a largest size, a longest inference.
//
// How it reads, from the outside in:
//
//   - objective.go: what is asked for, when a file meets it, and which of two
//     files is better. A new limit enters here.
//   - strategy.go: the ways of compressing, as a table from the cheapest to the
//     most expensive. A new strategy is a row there and a file of its own.
//   - study.go: what every stage reads and none changes: network, held-out
//     samples, settings; beside them the loader, the journal and the ledger, which go
//     on by themselves.
//   - candidate.go: what stages hand on. A State is a network on its way, a
//     Track is the list of states that pruning went through, a Candidate is a
//     file that the runtime has measured.
//   - stage.go: stages that are resumed from a journal, and training.
//   - pipeline.go: the order of the passes that make a file.
//   - bisect.go: the one-dimensional searches.
//   - outlook.go: the stages that progress numbers, and the time left.
//   - reasons.go, advice.go: what is said of files, and of a better one.
//   - tuning.go: every constant, with unit, meaning and source.
//
// A stage is a function of a context, the study and a track; it returns the track
// as far as it came, also with an error. Deadlines and interruptions arrive by the
// context. CONTRIBUTING.md says what a limit, a strategy, a task and a criterion of
// importance take.
package search

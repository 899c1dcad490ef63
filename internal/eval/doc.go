// Package eval says how well a network does its task: what a loss is, what
// training aims at, and how far a compressed network falls behind the float one
// on samples that it was not trained on.
//
// A Task is one file. It scores outputs sample by sample, so that two networks
// can be compared in pairs; it chooses the loss that training minimises; and it
// turns the float network's answers into targets. A Holdout applies a task to
// held-out samples and returns estimates with their standard errors.
//
// Outputs of n samples are one tensor [n, K]: all outputs of a sample, one after
// another. Classifiers give logits.
package eval

// Package marks is what the guest and the program that counts agree on.
package marks

// Counted is the number of inferences of each file that are counted.
const Counted = 5

// CountedLayers is the same where each layer is counted.
const CountedLayers = 2

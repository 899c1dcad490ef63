package edgec

// Pass is one stage of compression.
type Pass struct {
	Name string
	Does string
}

// Passes lists the stages in the order in which Compress runs them. The graph
// is checked after each.
var Passes = []Pass{
	{"simplify", "folds constants, BatchNormalization and activations into the layers"},
	{"filters", "cuts whole kernels and units, so that the network is narrower"},
	{"prune", "removes single weights by thresholds that move while training goes on"},
	{"dead", "removes channels that pruning has emptied"},
	{"quantize", "puts activations, weights and biases on int8 grids"},
	{"share", "lets the weights of a layer share a few values"},
	{"tune", "fine-tunes under mask, grid and codebook"},
	{"dead again", "removes channels that rounding has emptied"},
	{"export", "lowers the network to the device's instructions and codes it"},
}

// order lists which pass must come before which, and why.
var order = []struct{ first, then, because string }{
	{"simplify", "filters", "folding changes magnitudes"},
	{"simplify", "prune", "folding changes magnitudes"},
	{"filters", "prune", "a channel that is cut costs no mask bits, and training is quicker without it"},
	{"prune", "dead", "pruning makes zeros"},
	{"dead", "quantize", "activation ranges must not count channels that go"},
	{"prune", "quantize", "scales must ignore removed weights"},
	{"quantize", "share", "centroids are int8 values, so that a codebook entry costs a byte"},
	{"share", "tune", "fine-tuning moves the centroids"},
	{"tune", "dead again", "rounding centroids makes zeros"},
	{"dead again", "export", "the file holds no dead structure"},
}

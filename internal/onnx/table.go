package onnx

import (
	"slices"
	"strings"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// row says how an ONNX operator is read.
type row struct {
	name  string
	since []int // opsets that define a version of it; the first one supported first
	minIn int
	fold  foldFunc            // computes it when all operands are known; nil: never
	build func(n *node) error // adds it to the graph; nil: constants only
}

// foldFunc computes one output from known operands; absent ones are nil. It
// must not change them.
type foldFunc func(n *node, in []*array) (*array, error)

// table has one row for each operator of the domain ai.onnx that the reader
// knows.
var table = []row{
	function("Abs", []int{6, 13}, op.Abs{}),
	{"Add", []int{7, 13, 14}, 2, arithmetic(add), combine(opAdd)},
	{"And", []int{7}, 2, logicFunc(func(a, b bool) bool { return a && b }), nil},
	{"ArgMax", []int{1, 11, 12, 13}, 1, nil, buildDecision},
	{"ArgMin", []int{1, 11, 12, 13}, 1, nil, buildDecision},
	{"AveragePool", []int{7, 10, 11, 19, 22}, 1, nil, buildAveragePool},
	{"BatchNormalization", []int{7, 9, 14, 15}, 5, nil, buildBatchNorm},
	{"Cast", []int{6, 9, 13, 19, 21, 23, 24, 25}, 1, foldCast, buildCast},
	{"Ceil", []int{6, 13}, 1, rounding(ceil), nil},
	{"Clip", []int{6, 11, 12, 13}, 1, foldClip, buildClip},
	{"Concat", []int{4, 11, 13}, 1, foldConcat, buildConcat},
	{"Constant", []int{1, 9, 11, 12, 13, 19, 21, 23, 24, 25}, 0, foldConstant, nil},
	{"ConstantOfShape", []int{9, 20, 21, 23, 24, 25}, 1, foldConstantOfShape, nil},
	{"Conv", []int{1, 11, 22}, 2, nil, buildConv},
	{"DequantizeLinear", []int{10, 13, 19, 21, 23, 24, 25}, 2, foldDequantize, buildDequantize},
	{"Div", []int{7, 13, 14}, 2, arithmetic(div), combine(opDiv)},
	{"Dropout", []int{7, 10, 12, 13, 22}, 1, nil, buildDropout},
	{"Elu", []int{6, 22}, 1, foldElementwise(elu), elementwise(elu)},
	{"Equal", []int{7, 11, 13, 19}, 2, compareFunc(func(o int) bool { return o == 0 }), buildDecision},
	function("Erf", []int{9, 13}, op.Erf{}),
	function("Exp", []int{6, 13}, op.Exp{}),
	{"Expand", []int{8, 13}, 2, foldExpand, nil},
	{"Flatten", []int{1, 9, 11, 13, 21, 23, 24, 25}, 1, foldFlatten, buildFlatten},
	{"Floor", []int{6, 13}, 1, rounding(floor), nil},
	recurrentLayer(op.GRU, 3),
	{"Gather", []int{1, 11, 13}, 2, foldGather, buildGather},
	{"Gelu", []int{20}, 1, foldElementwise(gelu), elementwise(gelu)},
	{"Gemm", []int{7, 9, 11, 13}, 2, foldGemm, buildGemm},
	{"GlobalAveragePool", []int{1, 22}, 1, nil, buildGlobalAveragePool},
	{"GlobalMaxPool", []int{1, 22}, 1, nil, buildGlobalMaxPool},
	{"Greater", []int{7, 9, 13}, 2, compareFunc(func(o int) bool { return o > 0 }), buildDecision},
	{"GreaterOrEqual", []int{12, 16}, 2, compareFunc(func(o int) bool { return o >= 0 }), buildDecision},
	{"HardSigmoid", []int{6, 22}, 1, foldElementwise(hardSigmoid), elementwise(hardSigmoid)},
	function("HardSwish", []int{14, 22}, op.HardSwish{}),
	{"Identity", []int{1, 13, 14, 16, 19, 21, 23, 24, 25}, 1, foldIdentity, buildIdentity},
	recurrentLayer(op.LSTM, 4),
	{"LeakyRelu", []int{6, 16}, 1, foldElementwise(leakyRelu), elementwise(leakyRelu)},
	{"Less", []int{7, 9, 13}, 2, compareFunc(func(o int) bool { return o < 0 }), buildDecision},
	{"LessOrEqual", []int{12, 16}, 2, compareFunc(func(o int) bool { return o <= 0 }), buildDecision},
	{"LogSoftmax", []int{1, 11, 13}, 1, nil, softmaxAlong(func(axis int) graph.Op { return op.LogSoftmax{Axis: axis} })},
	{"MatMul", []int{1, 9, 13}, 2, foldMatMul, buildMatMul},
	{"Max", []int{6, 8, 12, 13}, 1, pickFunc(1), buildPick(true)},
	{"MaxPool", []int{1, 8, 10, 11, 12, 22}, 1, nil, buildMaxPool},
	{"Min", []int{6, 8, 12, 13}, 1, pickFunc(-1), buildPick(false)},
	{"Mod", []int{10, 13}, 2, foldMod, nil},
	{"Mul", []int{7, 13, 14}, 2, arithmetic(mul), combine(opMul)},
	{"Neg", []int{6, 13}, 1, foldNeg, elementwise(plain(op.Neg{}))},
	{"Not", []int{1}, 1, foldNot, nil},
	{"Or", []int{7}, 2, logicFunc(func(a, b bool) bool { return a || b }), nil},
	{"Pad", []int{2, 11, 13, 18, 19, 21, 23, 24, 25}, 1, nil, buildPad},
	{"Pow", []int{7, 12, 13, 15}, 2, arithmetic(power), buildPow},
	{"QuantizeLinear", []int{10, 13, 19, 21, 23, 24, 25}, 2, foldQuantize, buildQuantize},
	recurrentLayer(op.RNN, 1),
	{"Range", []int{11}, 3, foldRange, nil},
	{"ReduceMax", []int{1, 11, 12, 13, 18, 20}, 1, nil, reduction(op.GlobalMaxPool{})},
	{"ReduceMean", []int{1, 11, 13, 18}, 1, nil, reduction(op.GlobalAvgPool{})},
	{"ReduceProd", []int{1, 11, 13, 18}, 1, foldReduceProd, nil},
	function("Relu", []int{6, 13, 14}, op.Relu{}),
	{"Reshape", []int{5, 13, 14, 19, 21, 23, 24, 25}, 2, foldReshape, buildReshape},
	{"Shape", []int{1, 13, 15, 19, 21, 23, 24, 25}, 1, foldShape, buildShape},
	function("Sigmoid", []int{6, 13}, op.Sigmoid{}),
	{"Slice", []int{1, 10, 11, 13}, 1, foldSlice, buildSlice},
	{"Softmax", []int{1, 11, 13}, 1, nil, softmaxAlong(func(axis int) graph.Op { return op.Softmax{Axis: axis} })},
	function("Softsign", []int{1, 22}, op.Softsign{}),
	{"Sqrt", []int{6, 13}, 1, foldSqrt, elementwise(plain(op.Sqrt{}))},
	{"Squeeze", []int{1, 11, 13, 21, 23, 24, 25}, 1, foldSqueeze, buildSqueeze},
	{"Sub", []int{7, 13, 14}, 2, arithmetic(sub), combine(opSub)},
	{"Sum", []int{6, 8, 13}, 1, foldSum, buildSum},
	function("Tanh", []int{6, 13}, op.Tanh{}),
	{"TopK", []int{1, 10, 11, 24}, 1, nil, buildDecision},
	{"Transpose", []int{1, 13, 21, 23, 24, 25}, 1, foldTranspose, buildTranspose},
	{"Unsqueeze", []int{1, 11, 13, 21, 23, 24, 25}, 1, foldUnsqueeze, buildUnsqueeze},
	{"Where", []int{9, 16}, 3, foldWhere, nil},
}

// function is the row of an elementwise operator without attributes.
func function(name string, since []int, o op.Elementwise) row {
	return row{name, since, 1, foldElementwise(plain(o)), elementwise(plain(o))}
}

// anyOutput lists the operators of which output 0 may be absent while others are used.
var anyOutput = map[string]bool{"GRU": true, "LSTM": true, "RNN": true}

// recurrentLayer is the row of a recurrent layer of so many gates.
func recurrentLayer(kind op.RecurrentKind, gates int) row {
	return row{kind.String(), []int{7, 14, 22}, 3, nil, buildRecurrent(kind, gates)}
}

// buildSlice reads the slice of an activation.
func buildSlice(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	in, err := n.parameters()
	if err != nil {
		return err
	}
	dims := n.fileDims(x, 1)
	taken, err := n.sliceRanges(in, dims)
	if err != nil {
		return err
	}
	rank := len(x.act.Shape)
	o := op.Slice{Before: make([]int, rank), After: make([]int, rank), Step: slices.Repeat([]int{1}, rank)}
	for k, v := range x.batch.valueDims(rank) {
		switch t := taken[k]; {
		case k == x.batch.at && t != sliceOf{0, 1, dims[k]}:
			return n.fail("axes", "a slice of the batch, dimension %d, is not supported", k)
		case k == x.batch.at:
		case t.count < 1 || t.count > 1 && t.step < 1:
			return n.fail("steps", "%d elements in steps of %d of dimension %d are not supported, only one or more in steps from 1", t.count, t.step, k)
		default:
			if t.count > 1 {
				o.Step[v[0]] = t.step
			}
			o.Before[v[0]], o.After[v[0]] = t.first, dims[k]-t.first-(t.count-1)*o.Step[v[0]]-1
		}
	}
	return n.resultLike(x, o)
}

// rows indexes table by operator.
var rows = func() map[string]*row {
	m := map[string]*row{}
	for i := range table {
		m[table[i].name] = &table[i]
	}
	return m
}()

// What to do about the quantized forms that are not read.
const (
	inQDQ      = "; quantize with quantize_static(..., quant_format=QuantFormat.QDQ) for edgec pack, or give the float network to edgec compress"
	notDynamic = " (quantize_dynamic writes it)" + inQDQ
)

// remedies follow "not supported" for operators that people will meet.
var remedies = map[string]string{
	"If":                "; control flow must be removed: export with fixed shapes, or simplify the model with onnxsim",
	"Loop":              "; control flow must be removed: export with fixed shapes, or simplify the model with onnxsim",
	"Scan":              "; control flow must be removed: export with fixed shapes, or simplify the model with onnxsim",
	"ConvInteger":       notDynamic,
	"MatMulInteger":     notDynamic,
	"ConvTranspose":     "; upsampling networks are not supported yet, give one that classifies or detects",
	"Resize":            "; upsampling networks are not supported yet, give one that classifies or detects",
	"NonMaxSuppression": "; leave it out: end the network at the boxes and scores, and choose among them afterwards",
	"Split":             "; use one operator for each part instead",
	"LRN":               "; train without local response normalization",
	"ReduceMean":        "; use GlobalAveragePool for the mean over an image",
	"Expand":            "; repeat by broadcasting in an Add or Mul instead",
	"Where":             "; choose between activations outside of the network",
	"Constant":          "; give a value, value_float(s) or value_int(s) attribute",

	"DynamicQuantizeLinear": notDynamic,
	"DynamicQuantizeMatMul": notDynamic,
	"DynamicQuantizeLSTM":   notDynamic,
	"MatMulIntegerToFloat":  notDynamic,
	"QGemm":                 inQDQ,
	"ReduceSum":             "; use the mean (ReduceMean) times the number of elements",
	"PRelu":                 "; train with LeakyRelu or Relu",
	"Selu":                  "; train with Elu or Relu",
	"Celu":                  "; train with Elu of alpha 1 or Relu",
	"Mish":                  "; train with HardSwish or Gelu",
	"Softplus":              "; train with Relu or Gelu",
	"Hardmax":               "; keep the scores before it as the output",
	"Log":                   "; if it follows a Softmax, keep the scores before the Softmax as the output: the same is the largest",
	"LayerNormalization":    "; train with BatchNormalization, which is folded into the weights",
	"GroupNormalization":    "; train with BatchNormalization, which is folded into the weights",
	"InstanceNormalization": "; train with BatchNormalization, which is folded into the weights",
}

// remedy follows "not supported" in what is said of an operator: never nothing.
func remedy(opType string) string {
	switch r, ok := remedies[opType]; {
	case ok:
		return r
	case strings.HasPrefix(opType, "QLinear"):
		return inQDQ
	}
	return "; export the network without it, or expressed by convolutions, dense layers, pools and arithmetic"
}

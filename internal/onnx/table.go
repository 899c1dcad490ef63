package onnx

import (
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
	{"BitCast", []int{26}, 1, foldBitCast, nil},
	{"Cast", []int{6, 9, 13, 19, 21, 23, 24, 25, 28}, 1, foldCast, buildCast},
	{"CastLike", []int{15, 19, 21, 23, 24, 25}, 2, foldCastLike, buildCastLike},
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
	{"Expand", []int{8, 13}, 2, foldExpand, buildExpand},
	{"Flatten", []int{1, 9, 11, 13, 21, 23, 24, 25}, 1, foldFlatten, buildFlatten},
	{"Floor", []int{6, 13}, 1, rounding(floor), nil},
	{"Gather", []int{1, 11, 13}, 2, foldGather, buildGather},
	{"Gelu", []int{20}, 1, foldElementwise(gelu), elementwise(gelu)},
	{"Gemm", []int{7, 9, 11, 13}, 2, foldGemm, buildGemm},
	{"GlobalAveragePool", []int{1, 22}, 1, nil, buildGlobalAveragePool},
	{"GlobalMaxPool", []int{1, 22}, 1, nil, buildGlobalMaxPool},
	{"Greater", []int{7, 9, 13}, 2, compareFunc(func(o int) bool { return o > 0 }), buildDecision},
	{"GreaterOrEqual", []int{12, 16}, 2, compareFunc(func(o int) bool { return o >= 0 }), buildDecision},
	{"GroupNormalization", []int{18, 21}, 3, nil, buildGroupNorm},
	{"Hardmax", []int{1, 11, 13}, 1, nil, softmaxAlong(func(axis int) graph.Op { return op.Hardmax{Axis: axis} })},
	{"HardSigmoid", []int{6, 22}, 1, foldElementwise(hardSigmoid), elementwise(hardSigmoid)},
	function("HardSwish", []int{14, 22}, op.HardSwish{}),
	{"Identity", []int{1, 13, 14, 16, 19, 21, 23, 24, 25}, 1, foldIdentity, buildIdentity},
	{"InstanceNormalization", []int{6, 22}, 3, nil, buildInstanceNorm},
	{"LayerNormalization", []int{17}, 2, nil, buildLayerNorm(false)},
	{"LeakyRelu", []int{6, 16}, 1, foldElementwise(leakyRelu), elementwise(leakyRelu)},
	{"Less", []int{7, 9, 13}, 2, compareFunc(func(o int) bool { return o < 0 }), buildDecision},
	{"LessOrEqual", []int{12, 16}, 2, compareFunc(func(o int) bool { return o <= 0 }), buildDecision},
	{"LogSoftmax", []int{1, 11, 13}, 1, nil, softmaxAlong(func(axis int) graph.Op { return op.LogSoftmax{Axis: axis} })},
	{"LpNormalization", []int{1, 22}, 1, nil, buildLpNorm},
	{"LRN", []int{1, 13}, 1, nil, buildLRN},
	{"MatMul", []int{1, 9, 13}, 2, foldMatMul, buildMatMul},
	{"Max", []int{6, 8, 12, 13}, 1, pickFunc(1), buildPick(true)},
	{"MaxPool", []int{1, 8, 10, 11, 12, 22}, 1, nil, buildMaxPool},
	{"MeanVarianceNormalization", []int{9, 13}, 1, nil, buildMeanVariance},
	{"Min", []int{6, 8, 12, 13}, 1, pickFunc(-1), buildPick(false)},
	{"Mod", []int{10, 13}, 2, foldMod, nil},
	{"Mul", []int{7, 13, 14}, 2, arithmetic(mul), combine(opMul)},
	{"Neg", []int{6, 13}, 1, foldNeg, elementwise(plain(op.Neg{}))},
	{"Not", []int{1}, 1, foldNot, nil},
	{"Or", []int{7}, 2, logicFunc(func(a, b bool) bool { return a || b }), nil},
	{"Pad", []int{2, 11, 13, 18, 19, 21, 23, 24, 25}, 1, nil, buildPad},
	{"Pow", []int{7, 12, 13, 15}, 2, arithmetic(power), buildPow},
	{"QuantizeLinear", []int{10, 13, 19, 21, 23, 24, 25}, 2, foldQuantize, buildQuantize},
	{"Range", []int{11}, 3, foldRange, nil},
	{"ReduceL1", []int{1, 11, 13, 18}, 1, nil, reduce(op.L1, 18)},
	{"ReduceL2", []int{1, 11, 13, 18}, 1, nil, reduce(op.L2, 18)},
	{"ReduceLogSum", []int{1, 11, 13, 18}, 1, nil, reduce(op.LogSum, 18)},
	{"ReduceLogSumExp", []int{1, 11, 13, 18}, 1, nil, reduce(op.LogSumExp, 18)},
	{"ReduceMax", []int{1, 11, 12, 13, 18, 20}, 1, nil, reduce(op.Max, 18)},
	{"ReduceMean", []int{1, 11, 13, 18}, 1, nil, reduce(op.Mean, 18)},
	{"ReduceMin", []int{1, 11, 12, 13, 18, 20}, 1, nil, reduce(op.Min, 18)},
	{"ReduceProd", []int{1, 11, 13, 18}, 1, foldReduceProd, reduce(op.Prod, 18)},
	{"ReduceSum", []int{1, 11, 13}, 1, nil, reduce(op.Sum, 13)},
	{"ReduceSumSquare", []int{1, 11, 13, 18}, 1, nil, reduce(op.SumSquare, 18)},
	function("Relu", []int{6, 13, 14}, op.Relu{}),
	{"Reshape", []int{5, 13, 14, 19, 21, 23, 24, 25}, 2, foldReshape, buildReshape},
	{"RMSNormalization", []int{23}, 2, nil, buildLayerNorm(true)},
	{"Shape", []int{1, 13, 15, 19, 21, 23, 24, 25}, 1, foldShape, buildShape},
	function("Sigmoid", []int{6, 13}, op.Sigmoid{}),
	{"Slice", []int{1, 10, 11, 13}, 1, foldSlice, buildSlice},
	{"Softmax", []int{1, 11, 13}, 1, nil, softmaxAlong(func(axis int) graph.Op { return op.Softmax{Axis: axis} })},
	function("Softsign", []int{1, 22}, op.Softsign{}),
	{"Split", []int{2, 11, 13, 18}, 1, nil, buildSplit},
	{"Sqrt", []int{6, 13}, 1, foldSqrt, elementwise(plain(op.Sqrt{}))},
	{"Squeeze", []int{1, 11, 13, 21, 23, 24, 25}, 1, foldSqueeze, buildSqueeze},
	{"Sub", []int{7, 13, 14}, 2, arithmetic(sub), combine(opSub)},
	{"Sum", []int{6, 8, 13}, 1, foldSum, buildSum},
	function("Tanh", []int{6, 13}, op.Tanh{}),
	{"Tile", []int{6, 13}, 2, nil, buildTile},
	{"TopK", []int{1, 10, 11, 24}, 1, nil, buildDecision},
	{"Transpose", []int{1, 13, 21, 23, 24, 25}, 1, foldTranspose, buildTranspose},
	{"Unsqueeze", []int{1, 11, 13, 21, 23, 24, 25}, 1, foldUnsqueeze, buildUnsqueeze},
	{"Where", []int{9, 16}, 3, foldWhere, nil},
}

// function is the row of an elementwise operator without attributes.
func function(name string, since []int, o op.Elementwise) row {
	return row{name, since, 1, foldElementwise(plain(o)), elementwise(plain(o))}
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
	notTensors = "; sequences and optional values are no tensors: export the network with a tensor for each"
	notDynamic = " (quantize_dynamic writes it)" + inQDQ
)

// remedies follow "not supported" for operators that people will meet.
var remedies = map[string]string{
	"GRU":               "; recurrent networks are not supported yet, give one of convolutions and dense layers",
	"LSTM":              "; recurrent networks are not supported yet, give one of convolutions and dense layers",
	"RNN":               "; recurrent networks are not supported yet, give one of convolutions and dense layers",
	"ConvInteger":       notDynamic,
	"MatMulInteger":     notDynamic,
	"ConvTranspose":     "; upsampling networks are not supported yet, give one that classifies or detects",
	"Resize":            "; upsampling networks are not supported yet, give one that classifies or detects",
	"NonMaxSuppression": "; leave it out: end the network at the boxes and scores, and choose among them afterwards",
	"Where":             "; choose between activations outside of the network",
	"Optional":          notTensors,
	"SequenceAt":        notTensors,
	"SequenceConstruct": notTensors,
	"SequenceEmpty":     notTensors,
	"SequenceInsert":    notTensors,
	"SplitToSequence":   notTensors,
	"Constant":          "; give a value, value_float(s) or value_int(s) attribute",

	"DynamicQuantizeLinear": notDynamic,
	"DynamicQuantizeMatMul": notDynamic,
	"DynamicQuantizeLSTM":   notDynamic,
	"MatMulIntegerToFloat":  notDynamic,
	"QGemm":                 inQDQ,
	"PRelu":                 "; train with LeakyRelu or Relu",
	"Selu":                  "; train with Elu or Relu",
	"Celu":                  "; train with Elu of alpha 1 or Relu",
	"Mish":                  "; train with HardSwish or Gelu",
	"Softplus":              "; train with Relu or Gelu",
	"Log":                   "; if it follows a Softmax, keep the scores before the Softmax as the output: the same is the largest",
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

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
	function("Acos", []int{7, 22}, op.Acos{}),
	function("Acosh", []int{9, 22}, op.Acosh{}),
	{"Add", []int{7, 13, 14}, 2, arithmetic(add), combine(opAdd)},
	{"AffineGrid", []int{20}, 2, nil, buildAffineGrid},
	{"And", []int{7}, 2, logicFunc(func(a, b bool) bool { return a && b }), relation(op.And)},
	{"ArgMax", []int{1, 11, 12, 13}, 1, nil, buildArg(false)},
	{"ArgMin", []int{1, 11, 12, 13}, 1, nil, buildArg(true)},
	function("Asin", []int{7, 22}, op.Asin{}),
	function("Asinh", []int{9, 22}, op.Asinh{}),
	function("Atan", []int{7, 22}, op.Atan{}),
	function("Atanh", []int{9, 22}, op.Atanh{}),
	{"Attention", []int{23, 24, 25}, 3, nil, buildAttention},
	{"AveragePool", []int{7, 10, 11, 19, 22}, 1, nil, buildAveragePool},
	{"BatchNormalization", []int{7, 9, 14, 15}, 5, nil, buildBatchNorm},
	{"BitCast", []int{26}, 1, foldBitCast, nil},
	{"BitShift", []int{11, 28}, 2, foldBitShift, nil},
	{"BitwiseAnd", []int{18}, 2, bitwise(bitAnd), nil},
	{"BitwiseNot", []int{18}, 1, foldBitwiseNot, nil},
	{"BitwiseOr", []int{18}, 2, bitwise(bitOr), nil},
	{"BitwiseXor", []int{18}, 2, bitwise(bitXor), nil},
	{"BlackmanWindow", []int{17}, 1, foldWindow(0.42, 0.5, 0.08), nil},
	{"Cast", []int{6, 9, 13, 19, 21, 23, 24, 25, 28}, 1, foldCast, buildCast},
	{"CastLike", []int{15, 19, 21, 23, 24, 25}, 2, foldCastLike, buildCastLike},
	{"CausalConvWithState", []int{27}, 2, nil, buildCausalConv},
	function("Ceil", []int{6, 13}, op.Ceil{}),
	withAttrs("Celu", []int{12}, celu),
	{"CenterCropPad", []int{18}, 2, nil, buildCenterCropPad},
	{"Clip", []int{6, 11, 12, 13}, 1, foldClip, buildClip},
	{"Col2Im", []int{18}, 3, nil, buildCol2Im},
	{"Compress", []int{9, 11, 28}, 2, nil, buildCompress},
	{"Concat", []int{4, 11, 13}, 1, foldConcat, buildConcat},
	{"Constant", []int{1, 9, 11, 12, 13, 19, 21, 23, 24, 25}, 0, foldConstant, nil},
	{"ConstantOfShape", []int{9, 20, 21, 23, 24, 25}, 1, foldConstantOfShape, nil},
	{"Conv", []int{1, 11, 22}, 2, nil, buildConv},
	{"ConvTranspose", []int{1, 11, 22}, 2, nil, buildConvTranspose},
	function("Cos", []int{7, 22}, op.Cos{}),
	function("Cosh", []int{9, 22}, op.Cosh{}),
	{"CumProd", []int{26}, 2, nil, buildCumulate(true)},
	{"CumSum", []int{11, 14}, 2, nil, buildCumulate(false)},
	{"DeformConv", []int{19, 22}, 3, nil, buildDeformConv},
	{"DepthToSpace", []int{1, 11, 13}, 1, nil, buildDepthToSpace},
	{"DequantizeLinear", []int{10, 13, 19, 21, 23, 24, 25}, 2, foldDequantize, buildDequantize},
	{"DFT", []int{17, 20}, 1, nil, readDFT},
	{"Div", []int{7, 13, 14}, 2, arithmetic(div), buildDiv},
	{"Dropout", []int{7, 10, 12, 13, 22}, 1, nil, buildDropout},
	{"Einsum", []int{12}, 1, nil, readEinsum},
	withAttrs("Elu", []int{6, 22}, elu),
	{"Equal", []int{7, 11, 13, 19}, 2, compareFunc(func(o int) bool { return o == 0 }), relation(op.Equal)},
	function("Erf", []int{9, 13}, op.Erf{}),
	function("Exp", []int{6, 13}, op.Exp{}),
	{"Expand", []int{8, 13}, 2, foldExpand, buildExpand},
	{"EyeLike", []int{9, 22}, 1, foldEyeLike, buildEyeLike},
	{"Flatten", []int{1, 9, 11, 13, 21, 23, 24, 25}, 1, foldFlatten, buildFlatten},
	function("Floor", []int{6, 13}, op.Floor{}),
	{"Gather", []int{1, 11, 13}, 2, foldGather, buildGather},
	{"GatherElements", []int{11, 13}, 2, nil, buildGatherElements},
	{"GatherND", []int{11, 12, 13}, 2, nil, buildGatherND},
	{"Gelu", []int{20}, 1, foldElementwise(gelu), elementwise(gelu)},
	{"Gemm", []int{7, 9, 11, 13}, 2, foldGemm, buildGemm},
	{"GlobalAveragePool", []int{1, 22}, 1, nil, buildGlobalAveragePool},
	{"GlobalMaxPool", []int{1, 22}, 1, nil, buildGlobalMaxPool},
	{"Greater", []int{7, 9, 13}, 2, compareFunc(func(o int) bool { return o > 0 }), relation(op.Greater)},
	{"GreaterOrEqual", []int{12, 16}, 2, compareFunc(func(o int) bool { return o >= 0 }), relation(op.GreaterOrEqual)},
	{"GridSample", []int{16, 20, 22}, 2, nil, buildGridSample},
	{"GroupNormalization", []int{18, 21}, 3, nil, buildGroupNorm},
	recurrentLayer(op.GRU, 3),
	{"HammingWindow", []int{17}, 1, foldWindow(25.0/46, 21.0/46, 0), nil},
	{"HannWindow", []int{17}, 1, foldWindow(0.5, 0.5, 0), nil},
	{"Hardmax", []int{1, 11, 13}, 1, nil, softmaxAlong(func(axis int) graph.Op { return op.Hardmax{Axis: axis} })},
	{"HardSigmoid", []int{6, 22}, 1, foldElementwise(hardSigmoid), elementwise(hardSigmoid)},
	function("HardSwish", []int{14, 22}, op.HardSwish{}),
	{"Identity", []int{1, 13, 14, 16, 19, 21, 23, 24, 25}, 1, foldIdentity, buildIdentity},
	{"If", []int{1}, 1, nil, readIf}, // later versions add types
	{"InstanceNormalization", []int{6, 22}, 3, nil, buildInstanceNorm},
	truths("IsInf", []int{10, 20}, isInf),
	truths("IsNaN", []int{9, 13, 20}, plain(op.IsNaN{})),
	{"LayerNormalization", []int{17}, 2, nil, buildLayerNorm(false)},
	{"LeakyRelu", []int{6, 16}, 1, foldElementwise(leakyRelu), elementwise(leakyRelu)},
	{"Less", []int{7, 9, 13}, 2, compareFunc(func(o int) bool { return o < 0 }), relation(op.Less)},
	{"LessOrEqual", []int{12, 16}, 2, compareFunc(func(o int) bool { return o <= 0 }), relation(op.LessOrEqual)},
	{"LinearAttention", []int{27}, 3, nil, buildLinearAttention},
	function("Log", []int{6, 13}, op.Log{}),
	{"LogSoftmax", []int{1, 11, 13}, 1, nil, softmaxAlong(func(axis int) graph.Op { return op.LogSoftmax{Axis: axis} })},
	{"Loop", []int{1}, 1, nil, readLoop}, // later versions add types
	{"LpNormalization", []int{1, 22}, 1, nil, buildLpNorm},
	{"LpPool", []int{2, 11, 18, 22}, 1, nil, buildLpPool},
	{"LRN", []int{1, 13}, 1, nil, buildLRN},
	recurrentLayer(op.LSTM, 4),
	{"MatMul", []int{1, 9, 13}, 2, foldMatMul, buildMatMul},
	{"Max", []int{6, 8, 12, 13}, 1, pickFunc(1), buildPick(true)},
	{"MaxPool", []int{1, 8, 10, 11, 12, 22}, 1, nil, buildMaxPool},
	{"MaxUnpool", []int{9, 11, 22}, 2, nil, buildMaxUnpool},
	{"Mean", []int{6, 8, 13}, 1, nil, buildMean},
	{"MeanVarianceNormalization", []int{9, 13}, 1, nil, buildMeanVariance},
	{"MelWeightMatrix", []int{17}, 5, foldMelWeights, nil},
	{"Min", []int{6, 8, 12, 13}, 1, pickFunc(-1), buildPick(false)},
	function("Mish", []int{18, 22}, op.Mish{}),
	{"Mod", []int{10, 13}, 2, foldMod, buildMod},
	{"Mul", []int{7, 13, 14}, 2, arithmetic(mul), combine(opMul)},
	{"Neg", []int{6, 13}, 1, foldNeg, elementwise(plain(op.Neg{}))},
	{"NegativeLogLikelihoodLoss", []int{12, 13, 22}, 2, nil, buildLoss(false)},
	{"NonMaxSuppression", []int{10, 11}, 2, foldNonMaxSuppression, nil},
	{"NonZero", []int{9, 13}, 1, foldNonZero, nil},
	truths("Not", []int{1}, plain(op.Not{})),
	{"OneHot", []int{9, 11, 28}, 3, nil, buildOneHot},
	{"Or", []int{7}, 2, logicFunc(func(a, b bool) bool { return a || b }), relation(op.Or)},
	{"Pad", []int{2, 11, 13, 18, 19, 21, 23, 24, 25}, 1, nil, buildPad},
	{"Pow", []int{7, 12, 13, 15}, 2, arithmetic(power), buildPow},
	{"PRelu", []int{7, 9, 16}, 2, nil, buildPRelu},
	{"QuantizeLinear", []int{10, 13, 19, 21, 23, 24, 25}, 2, foldQuantize, buildQuantize},
	{"Range", []int{11}, 3, foldRange, nil},
	function("Reciprocal", []int{6, 13}, op.Reciprocal{}),
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
	{"Resize", []int{10, 11, 13, 18, 19}, 1, nil, buildResize},
	{"ReverseSequence", []int{10, 28}, 2, nil, buildReverseSequence},
	{"RMSNormalization", []int{23}, 2, nil, buildLayerNorm(true)},
	recurrentLayer(op.RNN, 1),
	{"RoiAlign", []int{10, 16, 22}, 3, nil, buildRoiAlign},
	{"RotaryEmbedding", []int{23}, 3, nil, buildRotary},
	function("Round", []int{11, 22}, op.Round{}),
	{"Scan", []int{8, 9}, 1, nil, readScan}, // later versions add types
	{"Scatter", []int{9}, 3, nil, buildScatterElements},
	{"ScatterElements", []int{11, 13, 16, 18}, 3, nil, buildScatterElements},
	{"ScatterND", []int{11, 13, 16, 18}, 3, nil, buildScatterND},
	withAttrs("Selu", []int{6, 22}, selu),
	{"Shape", []int{1, 13, 15, 19, 21, 23, 24, 25}, 1, foldShape, buildShape},
	withAttrs("Shrink", []int{9}, shrink),
	function("Sigmoid", []int{6, 13}, op.Sigmoid{}),
	function("Sign", []int{9, 13}, op.Sign{}),
	function("Sin", []int{7, 22}, op.Sin{}),
	function("Sinh", []int{9, 22}, op.Sinh{}),
	{"Size", []int{1, 13, 19, 21, 23, 24, 25}, 1, foldSize, buildSize},
	{"Slice", []int{1, 10, 11, 13}, 1, foldSlice, buildSlice},
	{"Softmax", []int{1, 11, 13}, 1, nil, softmaxAlong(func(axis int) graph.Op { return op.Softmax{Axis: axis} })},
	{"SoftmaxCrossEntropyLoss", []int{12, 13}, 2, nil, buildLoss(true)},
	function("Softplus", []int{1, 22}, op.Softplus{}),
	function("Softsign", []int{1, 22}, op.Softsign{}),
	{"SpaceToDepth", []int{1, 13}, 1, nil, buildDepthToSpace},
	{"Split", []int{2, 11, 13, 18}, 1, nil, buildSplit},
	{"Sqrt", []int{6, 13}, 1, foldSqrt, elementwise(plain(op.Sqrt{}))},
	{"Squeeze", []int{1, 11, 13, 21, 23, 24, 25}, 1, foldSqueeze, buildSqueeze},
	{"STFT", []int{17}, 2, nil, readSTFT},
	{"Sub", []int{7, 13, 14}, 2, arithmetic(sub), combine(opSub)},
	{"Sum", []int{6, 8, 13}, 1, foldSum, buildSum},
	{"SwiGLU", []int{28}, 2, nil, buildSwiGLU},
	withAttrs("Swish", []int{24}, swish),
	function("Tan", []int{7, 22}, op.Tan{}),
	function("Tanh", []int{6, 13}, op.Tanh{}),
	{"TensorScatter", []int{24}, 2, nil, buildTensorScatter},
	withAttrs("ThresholdedRelu", []int{10, 22}, threshold),
	{"Tile", []int{6, 13}, 2, nil, buildTile},
	{"TopK", []int{1, 10, 11, 24}, 1, nil, decidingAll(buildTopK)},
	{"Transpose", []int{1, 13, 21, 23, 24, 25}, 1, foldTranspose, buildTranspose},
	{"Trilu", []int{14}, 1, nil, buildTrilu},
	{"Unique", []int{11}, 1, nil, nil},
	{"Unsqueeze", []int{1, 11, 13, 21, 23, 24, 25}, 1, foldUnsqueeze, buildUnsqueeze},
	{"Upsample", []int{7, 9}, 1, nil, buildResize},
	{"Where", []int{9, 16}, 3, foldWhere, buildWhere},
	{"Xor", []int{7}, 2, logicFunc(func(a, b bool) bool { return a != b }), relation(op.Xor)},
}

// function is the row of an elementwise operator without attributes.
func function(name string, since []int, o op.Elementwise) row {
	return row{name, since, 1, foldElementwise(plain(o)), elementwise(plain(o))}
}

// rows indexes table by operator. Builders that call other operators look them up.
var rows = map[string]*row{}

func init() {
	for i := range table {
		rows[table[i].name] = &table[i]
	}
}

// What to do about the quantized forms that are not read.
const (
	inQDQ      = "; quantize with quantize_static(..., quant_format=QuantFormat.QDQ) for edgec pack, or give the float network to edgec compress"
	notTensors = "; sequences and optional values are no tensors: export the network with a tensor for each"
	notDynamic = " (quantize_dynamic writes it)" + inQDQ
)

// remedies follow "not supported" for operators that people will meet.
var remedies = map[string]string{
	"NonMaxSuppression": "; leave it out: end the network at the boxes and scores, and choose among them afterwards",
	"Optional":          notTensors,
	"SequenceAt":        notTensors,
	"SequenceConstruct": notTensors,
	"SequenceEmpty":     notTensors,
	"SequenceInsert":    notTensors,
	"SplitToSequence":   notTensors,
	"Constant":          "; give a value, value_float(s) or value_int(s) attribute",

	"DynamicQuantizeLSTM": notDynamic,
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

package tflite

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// operator is a row of the table of operators: all that Read and Decode know of one.
type operator struct {
	name  string
	least int // number of inputs, and the most
	most  int
	build func(*call) error // appends its instructions, for Read; nil: it is refused by its name
	graph func(*node) error // appends its nodes, for Decode; nil: it is refused by its name
}

// of is the graph's side of an operator that is functions of one activation.
func of(ops ...graph.Op) func(*node) error { return func(n *node) error { return n.function(ops...) } }

// pairOf is the graph's side of an operator of two operands.
func pairOf(o graph.Op, act int, then ...graph.Op) func(*node) error {
	return func(n *node) error { return n.binary(o, act, then...) }
}

// reducing is the graph's side of an operator that combines elements along axes.
func reducing(kind op.Reduction) func(*node) error {
	return func(n *node) error { return n.reduce(kind) }
}

// operators is the table, by the schema's numbers.
var operators = map[int]operator{
	opAdd:         {"ADD", 2, 2, func(c *call) error { return c.binary(format.OpAdd) }, pairOf(op.Add{}, 0)},
	opSub:         {"SUB", 2, 2, func(c *call) error { return c.binary(format.OpSub) }, pairOf(op.Sub{}, 0)},
	opMul:         {"MUL", 2, 2, func(c *call) error { return c.binary(format.OpMul) }, pairOf(op.Mul{}, 0)},
	opConv:        {"CONV_2D", 2, 3, func(c *call) error { return c.conv(1, false) }, (*node).conv},
	opDepthwise:   {"DEPTHWISE_CONV_2D", 2, 3, func(c *call) error { return c.conv(2, true) }, (*node).depthwise},
	opDense:       {"FULLY_CONNECTED", 2, 3, (*call).dense, (*node).dense},
	opAveragePool: {"AVERAGE_POOL_2D", 1, 1, func(c *call) error { return c.pool(format.OpAvgPool) }, (*node).avgPool},
	opMaxPool:     {"MAX_POOL_2D", 1, 1, func(c *call) error { return c.pool(format.OpMaxPool) }, (*node).maxPool},
	opConcat:      {"CONCATENATION", 1, maxOperands, (*call).concat, (*node).concat},
	opReshape:     {"RESHAPE", 1, 2, (*call).reshape, (*node).reshape},
	opPad:         {"PAD", 2, 2, (*call).pad, (*node).pad},
	opTranspose:   {"TRANSPOSE", 2, 2, (*call).transpose, (*node).transpose},
	opSoftmax:     {"SOFTMAX", 1, 1, (*call).softmax, (*node).softmax},
	opQuantize:    {"QUANTIZE", 1, 1, (*call).quantize, (*node).passes},
	opDequantize:  {"DEQUANTIZE", 1, 1, (*call).dequantize, (*node).passes},
	opRelu:        {"RELU", 1, 1, func(c *call) error { return c.requantize(actRelu) }, of(op.Relu{})},
	opReluN1:      {"RELU_N1_TO_1", 1, 1, func(c *call) error { return c.requantize(actReluN1) }, of(op.Clip{Lo: -1, Hi: 1})},
	opRelu6:       {"RELU6", 1, 1, func(c *call) error { return c.requantize(actRelu6) }, of(op.Clip{Lo: 0, Hi: 6})},

	8:        {"FLOOR", 1, 1, nil, of(op.Floor{})},
	11:       {"L2_NORMALIZATION", 1, 1, nil, (*node).unitLength},
	37:       {"BATCH_TO_SPACE_ND", 3, 3, nil, (*node).batchToSpace},
	38:       {"SPACE_TO_BATCH_ND", 3, 3, nil, (*node).spaceToBatch},
	opLess:   {"LESS", 2, 2, nil, pairOf(op.Compare{Is: op.Less}, -1)},
	61:       {"GREATER", 2, 2, nil, pairOf(op.Compare{Is: op.Greater}, -1)},
	62:       {"GREATER_EQUAL", 2, 2, nil, pairOf(op.Compare{Is: op.GreaterOrEqual}, -1)},
	63:       {"LESS_EQUAL", 2, 2, nil, pairOf(op.Compare{Is: op.LessOrEqual}, -1)},
	64:       {"SELECT", 3, 3, nil, (*node).choose},
	66:       {"SIN", 1, 1, nil, of(op.Sin{})},
	71:       {"EQUAL", 2, 2, nil, pairOf(op.Compare{Is: op.Equal}, -1)},
	72:       {"NOT_EQUAL", 2, 2, nil, pairOf(op.Compare{Is: op.Equal}, -1, op.Not{})},
	73:       {"LOG", 1, 1, nil, of(op.Log{})},
	84:       {"LOGICAL_OR", 2, 2, nil, pairOf(op.Compare{Is: op.Or}, -1)},
	86:       {"LOGICAL_AND", 2, 2, nil, pairOf(op.Compare{Is: op.And}, -1)},
	87:       {"LOGICAL_NOT", 1, 1, nil, of(op.Not{})},
	94:       {"FILL", 2, 2, nil, (*node).fill},
	104:      {"CEIL", 1, 1, nil, of(op.Ceil{})},
	105:      {"REVERSE_V2", 2, 2, nil, (*node).reverse},
	108:      {"COS", 1, 1, nil, of(op.Cos{})},
	116:      {"ROUND", 1, 1, nil, of(op.Round{})},
	opSelect: {"SELECT_V2", 3, 3, nil, (*node).choose},
	152:      {"RELU_0_TO_1", 1, 1, nil, of(op.Clip{Lo: 0, Hi: 1})},
	158:      {"SIGN", 1, 1, nil, of(op.Sign{})},

	5:  {"DEPTH_TO_SPACE", 1, 1, (*call).depthToSpace, func(n *node) error { return n.depth(depthToSpace) }},
	14: {"LOGISTIC", 1, 1, func(c *call) error { return c.curve(sigmoid, 8, -128) }, of(op.Sigmoid{})},
	16: {name: "LSTM"},
	23: {"RESIZE_BILINEAR", 2, 2, func(c *call) error { return c.resize(true, c.small(2) != 0, c.small(3) != 0) }, func(n *node) error { return n.resize(op.Resize{Mode: op.Linear}, n.small(2) != 0, n.small(3) != 0) }},
	26: {"SPACE_TO_DEPTH", 1, 1, (*call).spaceToDepth, func(n *node) error { return n.depth(op.SpaceToDepth) }},
	28: {"TANH", 1, 1, func(c *call) error { return c.curve(tanh, 7, 0) }, of(op.Tanh{})},
	35: {"UNIDIRECTIONAL_SEQUENCE_RNN", 5, 5, nil, (*node).rnn},
	36: {"GATHER", 2, 2, nil, (*node).gather},
	40: {"MEAN", 2, 2, nil, reducing(op.Mean)},
	42: {"DIV", 2, 2, nil, pairOf(op.Div{}, 0)},
	43: {"SQUEEZE", 1, 1, nil, (*node).reshape},
	44: {"UNIDIRECTIONAL_SEQUENCE_LSTM", 20, 24, nil, (*node).lstm},
	45: {"STRIDED_SLICE", 4, 4, (*call).stridedSlice, (*node).stridedSlice},
	47: {"EXP", 1, 1, nil, of(op.Exp{})},
	49: {"SPLIT", 2, 2, nil, func(n *node) error { return n.splits(0, 1) }},
	50: {"LOG_SOFTMAX", 1, 1, nil, (*node).logSoftmax},
	53: {"CAST", 1, 1, nil, (*node).cast},
	54: {"PRELU", 2, 2, nil, (*node).prelu},
	55: {"MAXIMUM", 2, 2, nil, func(n *node) error {
		return n.limit(op.Maximum{}, func(v float32) op.Clip { return op.Clip{Lo: v, Hi: inf} })
	}},
	57: {"MINIMUM", 2, 2, nil, func(n *node) error {
		return n.limit(op.Minimum{}, func(v float32) op.Clip { return op.Clip{Lo: -inf, Hi: v} })
	}},
	59:       {"NEG", 1, 1, nil, of(op.Neg{})},
	60:       {"PADV2", 3, 3, nil, (*node).pad},
	65:       {"SLICE", 3, 3, (*call).slice, (*node).slice},
	67:       {"TRANSPOSE_CONV", 3, 4, (*call).transposeConv, (*node).transposeConv},
	opExpand: {"EXPAND_DIMS", 2, 2, nil, (*node).reshape},
	74:       {"SUM", 2, 2, nil, reducing(op.Sum)},
	75:       {"SQRT", 1, 1, nil, of(op.Sqrt{})},
	76:       {"RSQRT", 1, 1, nil, of(op.Power{K: -0.5})},
	opShape:  {"SHAPE", 1, 1, nil, func(*node) error { return errShape }},
	78:       {"POW", 2, 2, nil, pairOf(op.Pow{}, -1)},
	80:       {"FAKE_QUANT", 1, 1, nil, (*node).passes},
	81:       {"REDUCE_PROD", 2, 2, nil, reducing(op.Prod)},
	82:       {"REDUCE_MAX", 2, 2, nil, reducing(op.Max)},
	83:       {"PACK", 1, maxOperands, nil, (*node).pack},
	88:       {"UNPACK", 1, 1, nil, (*node).unpack},
	89:       {"REDUCE_MIN", 2, 2, nil, reducing(op.Min)},
	92:       {"SQUARE", 1, 1, nil, of(op.Power{K: 2})},
	97:       {"RESIZE_NEAREST_NEIGHBOR", 2, 2, func(c *call) error { return c.resize(false, c.small(0) != 0, c.small(1) != 0) }, func(n *node) error { return n.resize(op.Resize{}, n.small(0) != 0, n.small(1) != 0) }},
	98:       {"LEAKY_RELU", 1, 1, (*call).leaky, func(n *node) error { return n.function(op.LeakyRelu{Alpha: n.real(0, 0)}) }},
	99:       {"SQUARED_DIFFERENCE", 2, 2, nil, pairOf(op.Sub{}, -1, op.Power{K: 2})},
	100:      {"MIRROR_PAD", 2, 2, nil, (*node).mirrorPad},
	101:      {"ABS", 1, 1, nil, of(op.Abs{})},
	102:      {"SPLIT_V", 3, 3, nil, func(n *node) error { return n.splits(2, 0) }},
	111:      {"ELU", 1, 1, nil, of(op.Elu{})},
	117:      {"HARD_SWISH", 1, 1, (*call).hardSwish, of(op.HardSwish{})},
	124:      {"DENSIFY", 1, 1, nil, (*node).passes},
	126:      {"BATCH_MATMUL", 2, 2, nil, (*node).matmul},
	150:      {"GELU", 1, 1, nil, func(n *node) error { return n.function(op.Gelu{Tanh: n.small(0) != 0}) }},
}

// customs is the table of custom operators, by their names.
var customs = map[string]operator{
	"Convolution2DTransposeBias": {"Convolution2DTransposeBias", 2, 3, nil, (*node).transposeBias},
}

var inf = float32(math.Inf(1))

func depthToSpace(x tensor.Shape, b int) ([]graph.Op, error) { return op.DepthToSpace(x, b, false) }

// The numbers of the operators in the schema.
const (
	opAdd         = 0
	opAveragePool = 1
	opConcat      = 2
	opConv        = 3
	opDepthwise   = 4
	opDequantize  = 6
	opDense       = 9
	opMaxPool     = 17
	opMul         = 18
	opRelu        = 19
	opReluN1      = 20
	opRelu6       = 21
	opReshape     = 22
	opSoftmax     = 25
	opPad         = 34
	opTranspose   = 39
	opSub         = 41
	opLess        = 58
	opExpand      = 70
	opShape       = 77
	opQuantize    = 114
	opSelect      = 123
)

// supported lists the names of the operators that has is true for.
func supported(has func(operator) bool) string {
	var names []string
	for _, o := range operators {
		if has(o) {
			names = append(names, o.name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// nameOf returns the name of operator code, or its number where that is new.
func nameOf(code int) string {
	if code >= 0 && code < len(allNames) {
		return allNames[code]
	}
	return fmt.Sprintf("number %d of TFLite's list", code)
}

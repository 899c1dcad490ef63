package tflite

import (
	"slices"
	"strings"

	"edgec/runtime/format"
)

// operator is a row of the table of operators: all that Read knows of one.
type operator struct {
	name  string
	least int // number of inputs, and the most
	most  int
	build func(*call) error // appends its instructions; nil: it is refused by its name
}

// operators is the table, by the schema's numbers.
var operators = map[int]operator{
	opAdd:         {"ADD", 2, 2, func(c *call) error { return c.binary(format.OpAdd) }},
	opSub:         {"SUB", 2, 2, func(c *call) error { return c.binary(format.OpSub) }},
	opMul:         {"MUL", 2, 2, func(c *call) error { return c.binary(format.OpMul) }},
	opConv:        {"CONV_2D", 2, 3, func(c *call) error { return c.conv(1, false) }},
	opDepthwise:   {"DEPTHWISE_CONV_2D", 2, 3, func(c *call) error { return c.conv(2, true) }},
	opDense:       {"FULLY_CONNECTED", 2, 3, (*call).dense},
	opAveragePool: {"AVERAGE_POOL_2D", 1, 1, func(c *call) error { return c.pool(format.OpAvgPool) }},
	opMaxPool:     {"MAX_POOL_2D", 1, 1, func(c *call) error { return c.pool(format.OpMaxPool) }},
	opConcat:      {"CONCATENATION", 1, maxOperands, (*call).concat},
	opReshape:     {"RESHAPE", 1, 2, (*call).reshape},
	opPad:         {"PAD", 2, 2, (*call).pad},
	opTranspose:   {"TRANSPOSE", 2, 2, (*call).transpose},
	opSoftmax:     {"SOFTMAX", 1, 1, (*call).softmax},
	opQuantize:    {"QUANTIZE", 1, 1, (*call).quantize},
	opDequantize:  {"DEQUANTIZE", 1, 1, (*call).dequantize},
	opRelu:        {"RELU", 1, 1, func(c *call) error { return c.requantize(actRelu) }},
	opReluN1:      {"RELU_N1_TO_1", 1, 1, func(c *call) error { return c.requantize(actReluN1) }},
	opRelu6:       {"RELU6", 1, 1, func(c *call) error { return c.requantize(actRelu6) }},

	14:  {name: "LOGISTIC"},
	16:  {name: "LSTM"},
	23:  {name: "RESIZE_BILINEAR"},
	28:  {name: "TANH"},
	36:  {name: "GATHER"},
	40:  {name: "MEAN"},
	45:  {name: "STRIDED_SLICE"},
	49:  {name: "SPLIT"},
	54:  {name: "PRELU"},
	67:  {name: "TRANSPOSE_CONV"},
	97:  {name: "RESIZE_NEAREST_NEIGHBOR"},
	98:  {name: "LEAKY_RELU"},
	117: {name: "HARD_SWISH"},
	126: {name: "BATCH_MATMUL"},
}

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
	opQuantize    = 114
)

// supported lists the names of the operators that are read.
func supported() string {
	var names []string
	for _, o := range operators {
		if o.build != nil {
			names = append(names, o.name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

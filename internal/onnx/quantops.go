package onnx

import (
	"slices"

	"edgec/internal/graph"
)

// Operators on integers that their definition writes as DequantizeLinear, an operator on
// floats, QuantizeLinear. They are read as those three.

// qlinear is where an operator has its operands: groups of value, scale and zero point.
type qlinear struct {
	op     string // on floats
	inputs []int  // positions of the values
	out    int    // position of the result's scale
	attrs  []string
}

var qlinears = map[string]qlinear{
	"QLinearMatMul":            {op: "MatMul", inputs: []int{0, 3}, out: 6},
	"QLinearAdd":               {op: "Add", inputs: []int{0, 3}, out: 6},
	"QLinearMul":               {op: "Mul", inputs: []int{0, 3}, out: 6},
	"QLinearSigmoid":           {op: "Sigmoid", inputs: []int{0}, out: 3},
	"QLinearLeakyRelu":         {op: "LeakyRelu", inputs: []int{0}, out: 3, attrs: []string{"alpha"}},
	"QLinearSoftmax":           {op: "Softmax", inputs: []int{0}, out: 3, attrs: []string{"axis"}},
	"QLinearGlobalAveragePool": {op: "GlobalAveragePool", inputs: []int{0}, out: 3},
	"QLinearAveragePool": {op: "AveragePool", inputs: []int{0}, out: 3,
		attrs: []string{"auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"}},
}

// integerOps are the readers of operators on integers, by domain and name.
var integerOps map[[2]string]func(*node) error

func init() {
	const microsoft = "com.microsoft"
	integerOps = map[[2]string]func(*node) error{
		{"", "ConvInteger"}: readInteger("Conv"), {"", "MatMulInteger"}: readInteger("MatMul"),
		{"", "QLinearConv"}: readQLinearConv, {"", "QLinearMatMul"}: readQLinear,
		{"", "DynamicQuantizeLinear"}:       readDynamicQuantize,
		{microsoft, "QLinearConv"}:          readQLinearConv,
		{microsoft, "QGemm"}:                readQGemm,
		{microsoft, "QLinearConcat"}:        readQLinearConcat,
		{microsoft, "MatMulIntegerToFloat"}: readMatMulToFloat,
		{microsoft, "DynamicQuantizeMatMul"}: func(n *node) error {
			return n.dynamicMatMul(1)
		},
		{microsoft, "QuantizeLinear"}: readAs("QuantizeLinear"), {microsoft, "DequantizeLinear"}: readAs("DequantizeLinear"),
	}
	for name := range qlinears {
		integerOps[[2]string{microsoft, name}] = readQLinear
	}
}

// integerOp returns the reader of the node's operator, nil where it is none on integers.
func (n *node) integerOp() func(*node) error {
	domain := n.domain
	if isStandard(domain) {
		domain = ""
	}
	return integerOps[[2]string{domain, n.opType}]
}

// readIntegers reads an operator of integerOps.
func (n *node) readIntegers(read func(*node) error) error {
	if refused, err := n.operands(); refused || err != nil {
		return err
	}
	if err := n.checkNames(&row{minIn: 1}); err != nil {
		return err
	}
	return read(n)
}

// at returns operand i, nil where it is absent.
func (n *node) at(i int) *operand {
	if n.has(i) {
		return n.in[i]
	}
	return nil
}

// real returns the value at operand i as floats: its scale and zero point follow it. axis is
// where several scales differ.
func (n *node) real(i int, axis int) (*operand, error) {
	return n.step("DequantizeLinear", []*attrProto{intAttr("axis", int64(axis))}, n.at(i), n.at(i+1), n.at(i+2))
}

// rounded ends the node with the integers of o by the scale at operand i.
func (n *node) rounded(o *operand, i int) error {
	q, err := n.step("QuantizeLinear", nil, o, n.at(i), n.at(i+1))
	if err == nil {
		n.bind([]*operand{q})
	}
	return err
}

// kept returns the node's attributes of the given names.
func (n *node) kept(names []string) (attrs []*attrProto) {
	for _, a := range n.attrs {
		if slices.Contains(names, a.name) {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// readQLinear reads an operator of qlinears.
func readQLinear(n *node) error {
	q := qlinears[n.opType]
	if n.attrInt("channels_last", 0) != 0 {
		return n.fail("channels_last", "channels behind the pixels are not supported; quantize the network in ONNX's own order")
	}
	if !n.has(q.out) {
		return n.fail("", "%d inputs, the operator needs %d; the file is damaged", len(n.inputs), q.out+1)
	}
	var in []*operand
	for k, i := range q.inputs {
		axis := 0
		if k > 0 && n.has(i) && n.in[i].isKnown() {
			axis = max(0, len(n.in[i].known[0].dims)-1) // one scale for each column of a matrix
		}
		o, err := n.real(i, axis)
		if err != nil {
			return err
		}
		in = append(in, o)
	}
	y, err := n.step(q.op, n.kept(q.attrs), in...)
	if err != nil {
		return err
	}
	return n.rounded(y, q.out)
}

// biasOf returns the int32 bias at operand i as floats: its scale is that of the products.
func (n *node) biasOf(i, x, w int) (*operand, error) {
	if !n.has(i) {
		return nil, nil
	}
	sx, sw := n.at(x).constant(), n.at(w).constant()
	if sx == nil || sw == nil || len(sx.f) != 1 {
		return nil, n.fail("", "scales that are not known, or several of them for the input, are not supported; quantize with one scale for each activation")
	}
	s := sw.like(sw.dims)
	for k, v := range sw.f {
		s.f[k] = v * sx.f[0]
	}
	return n.step("DequantizeLinear", []*attrProto{intAttr("axis", 0)}, n.in[i], constantOperand(s))
}

// readQLinearConv reads the convolution of integers by integers.
func readQLinearConv(n *node) error {
	if !n.has(6) {
		return n.fail("", "%d inputs, the operator needs 8; the file is damaged", len(n.inputs))
	}
	if n.attrInt("channels_last", 0) != 0 {
		return n.fail("channels_last", "channels behind the pixels are not supported; quantize the network in ONNX's own order")
	}
	x, err := n.real(0, 0)
	if err != nil {
		return err
	}
	w, err := n.real(3, 0)
	if err != nil {
		return err
	}
	b, err := n.biasOf(8, 1, 4)
	if err != nil {
		return err
	}
	y, err := n.step("Conv", n.kept([]string{"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}), x, w, b)
	if err != nil {
		return err
	}
	return n.rounded(y, 6)
}

// readQGemm reads ONNX Runtime's Gemm on integers, whose result may be float.
func readQGemm(n *node) error {
	x, err := n.real(0, 0)
	if err != nil {
		return err
	}
	axis := 1
	if n.attrInt("transB", 0) != 0 {
		axis = 0
	}
	w, err := n.real(3, axis)
	if err != nil {
		return err
	}
	b, err := n.biasOf(6, 1, 4)
	if err != nil {
		return err
	}
	y, err := n.step("Gemm", n.kept([]string{"alpha", "transA", "transB"}), x, w, b)
	if err != nil {
		return err
	}
	if !n.has(7) {
		n.bind([]*operand{y})
		return nil
	}
	return n.rounded(y, 7)
}

// readQLinearConcat joins integers of different scales.
func readQLinearConcat(n *node) error {
	var in []*operand
	for i := 2; i+1 < len(n.in); i += 3 {
		o, err := n.real(i, 0)
		if err != nil {
			return err
		}
		in = append(in, o)
	}
	y, err := n.step("Concat", n.kept([]string{"axis"}), in...)
	if err != nil {
		return err
	}
	return n.rounded(y, 0)
}

// readAs reads an operator that the standard has too.
func readAs(opType string) func(*node) error {
	return func(n *node) error {
		y, err := n.step(opType, n.attrs, n.in...)
		if err == nil {
			n.bind([]*operand{y})
		}
		return err
	}
}

// readDynamicQuantize reads the rounding of an activation by its own range, which differs
// from sample to sample: of activations it is left out, so that the network computes in
// floats what it approximates in integers.
func readDynamicQuantize(n *node) error {
	if !n.has(0) {
		return n.fail("", "input 0 is missing; the file is damaged")
	}
	x := n.in[0]
	if x.isKnown() {
		return foldDynamicQuantize(n)
	}
	if x.act == nil {
		return n.fail(n.inputName(0), "it is no float activation, which is not supported")
	}
	n.noteDynamic()
	one, zero := &array{typ: typeFloat, dims: []int{}, f: []float32{1}}, &array{typ: typeUint8, dims: []int{}, i: []int64{0}}
	same := *x
	n.bind([]*operand{&same, constantOperand(one), constantOperand(zero)})
	return nil
}

// noteDynamic says once what is left out of dynamic quantization.
func (n *node) noteDynamic() {
	const text = "activations are not rounded by the range of each sample (dynamic quantization); edgec rounds by ranges that it measures"
	if !slices.Contains(n.r.g.Notes, text) {
		n.r.note(text)
	}
}

// lessZero returns operand i, integers or what readDynamicQuantize has left of them, as
// floats without its zero point at operand zero, which has an entry for each index of axis
// or one for all.
func (n *node) lessZero(i, zero, axis int) (*operand, error) {
	o, err := n.step("Cast", []*attrProto{intAttr("to", typeFloat)}, n.at(i))
	if err != nil || !n.has(zero) {
		return o, err
	}
	z := n.in[zero].constant()
	if z == nil || len(z.dims) > 1 {
		return nil, n.fail(n.inputName(zero), "a zero point that is not known is not supported; use quantize_static")
	}
	if !slices.ContainsFunc(z.i, func(v int64) bool { return v != 0 }) {
		return o, nil
	}
	dims := make([]int, len(n.dimsOf(n.in[i])))
	for k := range dims {
		dims[k] = 1
	}
	switch {
	case z.size() == 1:
	case len(dims) == 0:
		return nil, n.fail(n.inputName(zero), "%d zero points for one number; the file is damaged", z.size())
	default:
		dims[axis] = z.size()
	}
	f, err := n.castTo(z.reshaped(dims), typeFloat)
	if err != nil {
		return nil, err
	}
	return n.step("Sub", nil, o, constantOperand(f))
}

// integerProduct reads opType on the integers at operands 0 and 1 with zero points at 2 and 3.
func (n *node) integerProduct(opType string, a, b, za, zb int) (*operand, error) {
	for _, i := range []int{a, b} {
		switch {
		case !n.has(i):
			return nil, n.fail("", "input %d is missing; the file is damaged", i)
		case n.in[i].quant != nil:
			return nil, n.fail(n.inputName(i), onIntegers)
		}
	}
	rows, columns := max(0, len(n.dimsOf(n.in[a]))-2), max(0, len(n.dimsOf(n.in[b]))-1)
	if opType == "Conv" {
		rows, columns = 0, 0
	}
	x, err := n.lessZero(a, za, rows)
	if err != nil {
		return nil, err
	}
	w, err := n.lessZero(b, zb, columns)
	if err != nil {
		return nil, err
	}
	return n.step(opType, n.kept([]string{"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}), x, w)
}

// readInteger reads ConvInteger and MatMulInteger, whose sums are int32.
func readInteger(opType string) func(*node) error {
	return func(n *node) error {
		y, err := n.integerProduct(opType, 0, 1, 2, 3)
		if err != nil {
			return err
		}
		if x := n.in[0]; x.act == nil || x.act.Elem != graph.Float {
			if y, err = n.step("Cast", []*attrProto{intAttr("to", typeInt32)}, y); err != nil {
				return err
			}
		}
		n.bind([]*operand{y})
		return nil
	}
}

// scaledProduct ends the node with the product times the scales, plus a bias.
func (n *node) scaledProduct(y *operand, bias int, scales ...*operand) error {
	for _, s := range scales {
		var err error
		if y, err = n.step("Mul", nil, y, s); err != nil {
			return err
		}
	}
	if n.has(bias) {
		var err error
		if y, err = n.step("Add", nil, y, n.in[bias]); err != nil {
			return err
		}
	}
	n.bind([]*operand{y})
	return nil
}

// readMatMulToFloat reads ONNX Runtime's MatMulInteger with scales and bias.
func readMatMulToFloat(n *node) error {
	if !n.has(3) {
		return n.fail("", "%d inputs, the operator needs 4; the file is damaged", len(n.inputs))
	}
	y, err := n.integerProduct("MatMul", 0, 1, 4, 5)
	if err != nil {
		return err
	}
	return n.scaledProduct(y, 6, n.in[2], n.in[3])
}

// dynamicMatMul reads ONNX Runtime's product of a float activation, rounded by its own
// range, and integer weights at operand w, whose scale and zero point follow.
func (n *node) dynamicMatMul(w int) error {
	if !n.has(w + 1) {
		return n.fail("", "%d inputs, the operator needs %d; the file is damaged", len(n.inputs), w+2)
	}
	n.noteDynamic()
	y, err := n.integerProduct("MatMul", 0, w, -1, w+2)
	if err != nil {
		return err
	}
	return n.scaledProduct(y, w+3, n.in[w+1])
}

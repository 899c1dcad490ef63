// Package op holds the operators of the host, one file each: the type with its
// attributes, shape inference (all validation happens there), the forward pass and the
// gradient. What else can be asked of an operator it answers by optional interfaces, so
// that no other package switches over operator types:
//
//	Elementwise, Arithmetic   which function it is; most of the rest follows
//	Layer, Clamper, Limiter   weights, fused activations, activations that can be fused
//	Lowerer, OrderReader      the instructions of the device; RegisterLift: the way back
//	FloatLowerer, FloatNeeder its form on float32, and when it has no other (floatdomain.go)
//	GridRelater, Bounded      int8 grids of its results
//	ChannelTracer, Narrower   which channels of its inputs become which of its outputs
//	ConstantTracer            what constants become
//	ONNXWriter                how it is written as ONNX
//	View, Padder, Identity    and others in rewrite.go: what simplification may do with it
//	Standardizer              results of known mean square: what is folded behind it
//
// Files without an operator hold what several share: elementwise.go, arithmetic.go,
// window.go, pool.go, layer.go, clamp.go, operands.go, depthwise.go, and float_*.go for the
// instructions on float32.
//
// Activations are float32, batch first, images [N,C,H,W]. Operators are used
// by value and have no state.
package op

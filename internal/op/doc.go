// Package op holds the operators of the host: one type each, with its
// attributes, shape inference (all validation happens there), the forward pass,
// the gradient, and the device code that it lowers to.
//
// Activations are float32, batch first, images [N,C,H,W]. Operators are used
// by value and have no state.
package op

import "edgec/internal/graph"

var (
	_ graph.Differentiable = Conv2D{}
	_ graph.Differentiable = Dense{}
	_ graph.Differentiable = BatchNorm{}
	_ graph.Differentiable = MaxPool{}
	_ graph.Differentiable = AvgPool{}
	_ graph.Differentiable = GlobalAvgPool{}
	_ graph.Differentiable = Add{}
	_ graph.Differentiable = Sub{}
	_ graph.Differentiable = Mul{}
	_ graph.Differentiable = Div{}
	_ graph.Differentiable = Reshape{}
	_ graph.Differentiable = Transpose{}
	_ graph.Differentiable = Concat{}
	_ graph.Differentiable = Pad{}
	_ graph.Differentiable = Softmax{}
	_ Elementwise          = Relu{}
	_ Elementwise          = Clip{}
	_ Elementwise          = LeakyRelu{}
	_ Elementwise          = Sigmoid{}
	_ Elementwise          = Tanh{}
	_ Elementwise          = HardSwish{}
	_ Elementwise          = HardSigmoid{}
	_ Elementwise          = Elu{}
	_ Elementwise          = Exp{}
	_ Elementwise          = Sqrt{}
	_ Elementwise          = Neg{}
	_ Elementwise          = Abs{}
	_ Elementwise          = Gelu{}
)

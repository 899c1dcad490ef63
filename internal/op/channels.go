package op

import (
	"edgec/internal/graph"
)

// Layout names the channel of each position along one axis of an activation. Positions of
// the same channel (see Channels.Join) are removed together.
type Layout struct {
	Axis int // -1: not known, or the value is a parameter
	IDs  []int
}

// Channels is an analysis of which features of a network belong together. Operators tell
// it what they do to the channels of their inputs.
type Channels interface {
	// Layout returns the channels of v.
	Layout(v *graph.Value) Layout
	// SetLayout gives v its channels.
	SetLayout(v *graph.Value, l Layout)
	// Fresh returns n new channels.
	Fresh(n int) []int
	// Join makes a[i] and b[i] one channel, for each i.
	Join(a, b []int)
	// Root returns the channel that id is part of since it was joined.
	Root(id int) int
	// Fix keeps channels from being removed.
	Fix(ids []int)
	// Own says that position i along an axis of p computes channel ids[i] of n's output; a
	// parameter used twice joins the channels of both uses.
	Own(n *graph.Node, p *graph.Param, axis int, ids []int)
	// Consume says that column i (axis 1) of weights p reads ids[i].
	Consume(n *graph.Node, p *graph.Param, ids []int)
	// ConsumeOwn is Consume of weights that read channels of n's own output, in an earlier
	// step.
	ConsumeOwn(n *graph.Node, p *graph.Param, ids []int)
}

// ChannelTracer is an operator that passes channels on. Others keep all channels that
// they read and write.
type ChannelTracer interface {
	graph.Op
	// TraceChannels tells c the layout of n's output, and which parameters belong to its
	// channels. It returns false, before any change, when it cannot tell.
	TraceChannels(c Channels, n *graph.Node) bool
}

// TraceChannels has n's operator tell c about channels; an Elementwise one passes them on.
func TraceChannels(c Channels, n *graph.Node) bool {
	switch o := n.Op.(type) {
	case ChannelTracer:
		return o.TraceChannels(c, n)
	case Elementwise:
		in := c.Layout(n.Inputs[0])
		if in.Axis >= 0 {
			c.SetLayout(n.Outputs[0], in)
		}
		return in.Axis >= 0
	}
	return false
}

// Extent is how many channels lie along an axis before and after some are removed.
type Extent struct{ Axis, Before, After int }

// Narrower is an operator with attributes that count channels.
type Narrower interface {
	graph.Op
	// Narrow returns the operator for what is left of its first input's and its output's
	// channels.
	Narrow(in, out Extent) graph.Op
}

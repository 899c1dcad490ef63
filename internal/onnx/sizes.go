package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settle gives the inputs the sizes that the user names, and those to dimensions of the
// same name.
func (g *graphProto) settle(shapes map[string][]int, file string) error {
	named := map[string]int64{}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		dims := shapes[name]
		i := slices.IndexFunc(g.inputs, func(v *valueProto) bool { return v.name == name })
		if i < 0 {
			return &Error{File: file, Msg: fmt.Sprintf("there is no input %q to give a shape to; the inputs are %s", oneLine(name), g.inputNames())}
		}
		if err := g.inputs[i].settle(dims, named); err != nil {
			return &Error{File: file, Attr: fmt.Sprintf("input %q", name), Msg: err.Error()}
		}
		if slices.Max(dims) > 0 {
			g.given = append(g.given, name+"="+shapeText(dims))
		}
	}
	for _, v := range g.inputs {
		for k, d := range v.dims {
			if d.value == 0 && d.param != "" {
				v.dims[k].value = named[d.param]
			}
		}
	}
	return nil
}

// settle gives one input its sizes, and notes those of named dimensions.
func (v *valueProto) settle(dims []int, named map[string]int64) error {
	if v.hasShape && len(v.dims) != len(dims) {
		return fmt.Errorf("a shape of %d sizes, the file has %d dimensions; give one size for each, ? for one that stays open", len(dims), len(v.dims))
	}
	if !v.hasShape {
		v.hasShape, v.dims = true, make([]dimProto, len(dims))
	}
	for k, d := range dims {
		own := &v.dims[k]
		switch {
		case d == 0:
		case d < 0:
			return fmt.Errorf("dimension %d of size %d; give sizes from 1 on", k, d)
		case own.value != 0 && own.value != int64(d):
			return fmt.Errorf("dimension %d is %d in the file, not %d; only open dimensions take a size", k, own.value, d)
		case own.param != "" && named[own.param] != 0 && named[own.param] != int64(d):
			return fmt.Errorf("dimension %d (%q) is %d, and %d in another input; both have the same size", k, oneLine(own.param), d, named[own.param])
		default:
			own.value = int64(d)
			if own.param != "" {
				named[own.param] = int64(d)
			}
		}
	}
	return nil
}

// inputNames lists the inputs for messages.
func (g *graphProto) inputNames() string {
	var names []string
	for _, v := range g.inputs {
		names = append(names, v.name)
	}
	return oneLine(quoted(names))
}

// exampleShape is the shape of an input as --shape takes it, with a number where the file
// leaves a size open that is not the batch.
func exampleShape(v *valueProto, batch int) string {
	dims := make([]int, len(v.dims))
	for k, d := range v.dims {
		if dims[k] = int(d.value); d.value == 0 && k != batch {
			dims[k] = 128
		}
	}
	return shapeText(dims)
}

// shapeText is a shape as --shape takes it: ? for one that stays open.
func shapeText(dims []int) string {
	var s []string
	for _, d := range dims {
		if d == 0 {
			s = append(s, "?")
		} else {
			s = append(s, fmt.Sprint(d))
		}
	}
	return strings.Join(s, "x")
}

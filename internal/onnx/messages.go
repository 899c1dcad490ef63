package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// child decodes a nested message with decode and hands it to add.
func child[T any](f field, decode func([]byte, int) (*T, error), add func(*T)) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	m, err := decode(f.b, f.at)
	if err == nil {
		add(m)
	}
	return err
}

func decodeModel(b []byte, base int) (*modelProto, error) {
	m := &modelProto{}
	return m, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.int(&m.irVersion)
		case 2:
			return f.str(&m.producer)
		case 7:
			return child(f, decodeGraph, func(g *graphProto) { m.graph = g })
		case 8:
			return child(f, decodeOpset, func(o *opsetProto) { m.opsets = append(m.opsets, *o) })
		case 25:
			return child(f, decodeFunction, func(p *functionProto) { m.functions = append(m.functions, p) })
		}
		return nil
	})
}

func decodeOpset(b []byte, base int) (*opsetProto, error) {
	o := &opsetProto{}
	return o, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.str(&o.domain)
		case 2:
			return f.int(&o.version)
		}
		return nil
	})
}

func decodeGraph(b []byte, base int) (*graphProto, error) {
	g := &graphProto{}
	return g, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return child(f, decodeNode, func(n *nodeProto) { g.nodes = append(g.nodes, n) })
		case 2:
			return f.str(&g.name)
		case 5:
			return child(f, decodeTensor, func(t *tensorProto) { g.initializers = append(g.initializers, t) })
		case 11:
			return child(f, decodeValue, func(v *valueProto) { g.inputs = append(g.inputs, v) })
		case 12:
			return child(f, decodeValue, func(v *valueProto) { g.outputs = append(g.outputs, v) })
		case 15:
			g.sparseInitializers++
		}
		return nil
	})
}

func decodeNode(b []byte, base int) (*nodeProto, error) {
	n := &nodeProto{}
	return n, fields(b, base, func(f field) error {
		var s string
		switch f.num {
		case 1:
			err := f.str(&s)
			n.inputs = append(n.inputs, s)
			return err
		case 2:
			err := f.str(&s)
			n.outputs = append(n.outputs, s)
			return err
		case 3:
			return f.str(&n.name)
		case 4:
			return f.str(&n.opType)
		case 5:
			return child(f, decodeAttr, func(a *attrProto) { n.attrs = append(n.attrs, a) })
		case 7:
			return f.str(&n.domain)
		case 8:
			return f.str(&n.overload)
		}
		return nil
	})
}

func decodeAttr(b []byte, base int) (*attrProto, error) {
	a := &attrProto{}
	return a, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.str(&a.name)
		case 2:
			a.f = math.Float32frombits(uint32(f.u))
			return f.want(protowire.Fixed32Type)
		case 3:
			return f.int(&a.i)
		case 4:
			return f.bytes(&a.s)
		case 5:
			return child(f, decodeTensor, func(t *tensorProto) { a.t = t })
		case 6:
			a.at = f.at
			return f.bytes(&a.g)
		case 7:
			return f.float32s(&a.floats)
		case 8:
			return f.ints(&a.ints)
		case 9:
			var s []byte
			err := f.bytes(&s)
			a.strings = append(a.strings, s)
			return err
		case 20:
			return f.int(&a.typ)
		case 21:
			return f.str(&a.refName)
		}
		return nil
	})
}

func decodeTensor(b []byte, base int) (*tensorProto, error) {
	t := &tensorProto{}
	return t, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.ints(&t.dims)
		case 2:
			return f.int(&t.dataType)
		case 4:
			return f.float32s(&t.float32s)
		case 5:
			return f.ints(&t.int32s)
		case 7:
			return f.ints(&t.int64s)
		case 8:
			return f.str(&t.name)
		case 9:
			t.hasRaw = true
			return f.bytes(&t.raw)
		case 10:
			return f.float64s(&t.float64s)
		case 11:
			var u []int64
			err := f.ints(&u)
			for _, v := range u {
				t.uint64s = append(t.uint64s, uint64(v))
			}
			return err
		case 13:
			return t.entry(f)
		case 14:
			t.outside = f.u == 1
		}
		return nil
	})
}

// entry reads one StringStringEntryProto of external_data.
func (t *tensorProto) entry(f field) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	var key, value string
	err := fields(f.b, f.at, func(f field) error {
		switch f.num {
		case 1:
			return f.str(&key)
		case 2:
			return f.str(&value)
		}
		return nil
	})
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = value
	return err
}

func decodeValue(b []byte, base int) (*valueProto, error) {
	v := &valueProto{}
	return v, fields(b, base, func(f field) error {
		switch f.num {
		case 1:
			return f.str(&v.name)
		case 2:
			return fields(f.b, f.at, func(f field) error {
				if f.num != 1 { // sequences, maps, optionals and sparse tensors are not tensors
					return nil
				}
				return decodeTensorType(v, f)
			})
		}
		return nil
	})
}

// decodeTensorType reads TypeProto.Tensor: element type and shape.
func decodeTensorType(v *valueProto, f field) error {
	return fields(f.b, f.at, func(f field) error {
		switch f.num {
		case 1:
			return f.int(&v.elemType)
		case 2:
			v.hasShape = true
			return fields(f.b, f.at, func(f field) error {
				if f.num != 1 {
					return nil
				}
				var d dimProto
				err := fields(f.b, f.at, func(f field) error {
					switch f.num {
					case 1:
						return f.int(&d.value)
					case 2:
						return f.str(&d.param)
					}
					return nil
				})
				v.dims = append(v.dims, d)
				return err
			})
		}
		return nil
	})
}

package dataset

import (
	"bytes"
	"testing"

	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
)

// checkSet reads everything that a set of a damaged file claims to hold.
func checkSet(t *testing.T, s *Set, err error) {
	if err != nil {
		return
	}
	if s.Sample().Size() < 1 {
		t.Fatalf("samples of shape %v", s.Sample())
	}
	if s.Len() == 0 { // which Open refuses
		return
	}
	x := make([]float32, s.Sample().Size())
	for i := 0; i < s.Len(); i++ {
		s.Read(i, x)
		for k, v := range x {
			if v-v != 0 {
				t.Fatalf("sample %d, element %d is %v", i, k, v)
			}
		}
	}
	if s.Labels != nil && len(s.Labels) != s.Len() {
		t.Fatalf("%d labels for %d samples", len(s.Labels), s.Len())
	}
	for _, l := range s.Labels {
		if l < 0 || l >= s.Classes {
			t.Fatalf("label %d of %d classes", l, s.Classes)
		}
	}
}

func FuzzIdx(f *testing.F) {
	f.Add(idx(8, []int{2, 2, 3}, count(12)), 0)
	f.Add(idx(0xD, []int{2, 2}, []float32{1, 2, 3, 4}), 2)
	f.Add(idx(8, []int{1 << 31, 0}, []byte{}), 0)
	f.Add(idx(9, []int{0, 1 << 29, 1 << 29, 1 << 29}, []int8{}), -1)
	f.Add(idx(9, []int{1, 1, 2, 2}, []int8{1, -2, 3, 4}), 4)
	f.Fuzz(func(t *testing.T, data []byte, features int) {
		x, err := preprocess.OpenIdx(bytes.NewReader(data))
		if err != nil {
			return
		}
		a, err := x.ReadAll()
		if err != nil {
			return
		}
		fuzzSamples(t, a, features)
	})
}

func FuzzNpy(f *testing.F) {
	f.Add(npy("<f4", false, []int{2, 2}, []float32{1, 2, 3, 4}, le, 1), 0)
	f.Add(npy("|u1", true, []int{2, 3, 4}, count(24), le, 2), 12)
	f.Add(npy(">f2", false, []int{1, 2, 2, 1}, []uint16{1, 2, 3, 4}, be, 3), 4)
	f.Add(npyHeader("{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000, 0), }", []byte{}, le, 1), 0)
	f.Add(npyHeader("{'descr': '<i9223372036854775807', 'fortran_order': True, 'shape': (2, 2), }", []byte{1, 2}, le, 1), 0)
	f.Fuzz(func(t *testing.T, data []byte, features int) {
		a, err := preprocess.Npy(data)
		if err != nil {
			return
		}
		fuzzSamples(t, a, features)
	})
}

// fuzzSamples takes an array as samples, then as their labels too.
func fuzzSamples(t *testing.T, a *preprocess.Array, features int) {
	var o Options
	if features > 0 {
		o.Shape = tensor.Shape{features}
	}
	s, err := samples(a, o, "x")
	checkSet(t, s, err)
	if err == nil {
		checkSet(t, s, s.setArray(a, o, "x"))
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("a,label,b\n1,0,2\n3,1,4\n", 2)
	f.Add("\ufeff1,2\r\n\r\n\"3\",4", 0)
	f.Add("label\n1\n", 0)
	f.Add("\"1\n2\",x\n1,1e39\n", 1)
	f.Add("sep=;\na;b;label;\n1,5;2;up;\n3;4,25;down;\n", 2)
	f.Add(",a\tb\n0,1\t2\n1,3\t4\n", 2)
	f.Add(",0,1,2\n0,1,2,b\n1,3,4,a\n", 2)
	f.Fuzz(func(t *testing.T, text string, features int) {
		var o Options
		if features > 0 {
			o.Shape = tensor.Shape{features}
		}
		s, err := parseCSV([]byte(text), "x", o)
		checkSet(t, s, err)
	})
}

package program

import (
	"bytes"
	"strconv"
	"time"

	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// profiled is how often each layer is measured; the least time counts.
const profiled = 50

// profile prints the facts of a measurement and what each layer takes.
func (j *Job) profile(m *runtime.Model, f facts) error {
	layers := m.Layers()
	times, err := j.layerTimes(m, len(layers))
	if err != nil {
		return err
	}
	if j.JSON {
		f.raw("layers", layersJSON(layers, times))
		return j.printFacts(f)
	}
	if err := j.printFacts(f); err != nil {
		return err
	}
	return j.write(layerTable(layers, times))
}

// layerTimes returns the shortest time of each layer.
func (j *Job) layerTimes(m *runtime.Model, layers int) ([]time.Duration, error) {
	s, err := j.session(m)
	if err != nil {
		return nil, err
	}
	inputs, times := len(m.Info().Inputs), make([]time.Duration, layers)
	for i := range profiled {
		for k := range inputs {
			s.SetTestInput(k, 1+uint32(k))
		}
		begin := time.Now()
		s.RunEach(func(layer int) {
			now := time.Now()
			if t := now.Sub(begin); i == 0 || t < times[layer] {
				times[layer] = t
			}
			begin = now
		})
	}
	return times, nil
}

// layersJSON is [{"op":..., "shape":[...], "kernel":..., "macs":..., "kept_macs":...,
// "packed_weights_bytes":..., "us":...}].
func layersJSON(layers []runtime.Layer, times []time.Duration) []byte {
	b := []byte{'['}
	for i, l := range layers {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"op":`...)
		b = append(append(b, jsonString(l.Op)...), `,"shape":`...)
		b = appendShape(b, l.Shape)
		if l.Kernel != "" {
			b = append(append(b, `,"kernel":`...), jsonString(l.Kernel)...)
			b = append(b, `,"macs":`+strconv.FormatInt(l.MACs, 10)+`,"kept_macs":`+strconv.FormatInt(l.KeptMACs, 10)...)
			b = append(b, `,"packed_weights_bytes":`+itoa(l.Memory)...)
		}
		b = append(b, `,"us":`+strconv.FormatFloat(micros(times[i]), 'g', 5, 64)+`}`...)
	}
	return append(b, ']')
}

// layerTable has a line for each layer: its share of the time, and multiplications a
// nanosecond.
func layerTable(layers []runtime.Layer, times []time.Duration) []byte {
	sum := time.Duration(1)
	for _, t := range times {
		sum += t
	}
	b := []byte("\nlayer  operator    output          us      %     MACs   GMAC/s  kernel\n")
	for i, l := range layers {
		speed, macs := "", ""
		if l.MACs > 0 {
			macs = strconv.FormatInt(l.MACs, 10)
			speed = strconv.FormatFloat(float64(l.MACs)/float64(max(times[i], 1)), 'f', 1, 64)
		}
		b = column(b, itoa(i), 5, true)
		b = column(append(b, "  "...), l.Op, 11, false)
		b = column(append(b, ' '), preprocess.Dims(l.Shape), 11, false)
		b = column(b, strconv.FormatFloat(micros(times[i]), 'f', 1, 64), 7, true)
		b = column(b, strconv.FormatFloat(100*float64(times[i])/float64(sum), 'f', 1, 64), 7, true)
		b = column(b, macs, 9, true)
		b = column(b, speed, 9, true)
		if l.Kernel != "" {
			b = append(append(b, "  "...), l.Kernel...)
		}
		b = append(bytes.TrimRight(b, " "), '\n')
	}
	return b
}

// column appends a cell of at least width characters.
func column(b []byte, cell string, width int, right bool) []byte {
	for n := len(cell); right && n < width; n++ {
		b = append(b, ' ')
	}
	b = append(b, cell...)
	for n := len(cell); !right && n < width; n++ {
		b = append(b, ' ')
	}
	return b
}

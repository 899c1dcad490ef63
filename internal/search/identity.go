package search

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"math"
	"slices"
	"strings"
	"unicode"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/journal"
)

// identify tells searches apart that would leave something else: by networks, data and
// configuration.
func identify(ctx context.Context, subject Subject, c Config) (journal.ID, error) {
	id := journal.ID{{Name: "network", Value: subject.Model.sum(), Sum: true}}
	if subject.Teacher != nil {
		id = append(id, journal.Part{Name: "teacher", Value: subject.Teacher.sum(), Sum: true})
	}
	data, err := dataSum(ctx, subject.Data)
	if err != nil {
		return nil, err
	}
	if q := subject.sequences; q != nil {
		more, err := dataSum(ctx, &dataset.Splits{Train: q.heldOut})
		if err != nil {
			return nil, err
		}
		data += more
	}
	id = append(id, journal.Part{Name: "data", Value: data, Sum: true})
	settings, err := c.settings()
	return append(id, settings...), err
}

// sum is a checksum of the network.
func (n *Network) sum() string {
	h := sha256.New()
	h.Write([]byte(n.Graph.String()))
	for _, p := range n.Graph.Params() {
		addFloats(h, p.Shadow.Data)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// dataSum is a checksum of samples and labels.
func dataSum(ctx context.Context, data *dataset.Splits) (string, error) {
	h := sha256.New()
	for _, set := range []*dataset.Set{data.Train, data.Test} {
		if set == nil {
			h.Write([]byte("none"))
			continue
		}
		x := make([]float32, set.Sample().Size())
		for i := range set.Len() {
			if err := eval.Stopped(ctx); err != nil {
				return "", err
			}
			set.Read(i, x)
			addFloats(h, x)
		}
		fmt.Fprint(h, set.Labels)
		addFloats(h, set.Targets)
		if set.PositionLabels != nil {
			fmt.Fprint(h, set.PositionLabels)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

func addFloats(h hash.Hash, x []float32) {
	b := make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	h.Write(b)
}

// settings lists what differs between configurations that lead to other files.
func (c Config) settings() (journal.ID, error) {
	b, err := json.Marshal(c)
	var all map[string]any
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	var id journal.ID
	addSettings(&id, all)
	slices.SortFunc(id, func(a, b journal.Part) int { return strings.Compare(a.Name, b.Name) })
	return id, nil
}

// addSettings adds the settings of a JSON object and of those in it.
func addSettings(id *journal.ID, object map[string]any) {
	for name, v := range object {
		if inner, ok := v.(map[string]any); ok {
			addSettings(id, inner)
			continue
		}
		value, _ := json.Marshal(v) // it was JSON
		if v == nil {
			value = nil
		}
		*id = append(*id, journal.Part{Name: spaced(name), Value: string(value)})
	}
}

// spaced turns the name of a field into words: MaxDrop becomes max drop.
func spaced(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

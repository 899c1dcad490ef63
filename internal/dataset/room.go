package dataset

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"edgec/runtime/preprocess"
)

// MemoryVariable is the environment variable that says how much memory samples may take,
// such as 8GB.
const MemoryVariable = "EDGEC_DATA_MEMORY"

// Without MemoryVariable, samples may take half of the machine's memory, or memoryUnknown
// where the system does not tell that. What is compressed may take inflateFree bytes and
// inflateTimes its own size: real samples stay far below, archives that are made to be
// large do not.
const (
	memoryUnknown = 2 << 30
	inflateFree   = 256 << 20
	inflateTimes  = 100
)

// perSample is what a set keeps of a sample beside its elements: its places in the set and
// in the parts that it is split into, and a label.
const perSample = 32

// room is the memory that the samples of one Open may take, and what ends the reading. A
// nil *room has no limits.
type room struct {
	ctx    context.Context
	limit  int64
	raised bool // by the user, who knows the data
	used   int64
}

// newRoom returns the memory that the environment or the machine allows.
func newRoom(ctx context.Context) (*room, error) {
	r := &room{ctx: ctx, limit: memoryUnknown}
	if n := machineMemory(); n > 0 {
		r.limit = n / 2
	}
	if s := os.Getenv(MemoryVariable); s != "" {
		n, err := parseMemory(s)
		if err != nil {
			return nil, err
		}
		r.limit, r.raised = n, true
	}
	return r, nil
}

// parseMemory reads a number of bytes, which may end in KB, MB, GB, KiB, MiB or GiB.
func parseMemory(s string) (int64, error) {
	t := strings.ToLower(strings.TrimSpace(s))
	for _, u := range []struct {
		name  string
		bytes float64
	}{{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"", 1}} {
		number, ok := strings.CutSuffix(t, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if n := v * u.bytes; err == nil && n >= 1 && n <= math.MaxInt64/2 {
			return int64(n), nil
		}
		break
	}
	return 0, fmt.Errorf("dataset: %s is %q; give a size such as 512MB or 8GB", MemoryVariable, s)
}

// memoryText writes a number of bytes for people, rounded up.
func memoryText(n int64) string {
	switch {
	case n < 1e7:
		return fmt.Sprintf("%.0fKB", math.Ceil(float64(n)/1e3))
	case n < 1e9:
		return fmt.Sprintf("%.0fMB", math.Ceil(float64(n)/1e6))
	}
	return fmt.Sprintf("%.1fGB", math.Ceil(float64(n)/1e8)/10)
}

// stopped returns why the reading has to end, or nil.
func (r *room) stopped() error {
	if r == nil || r.ctx == nil || r.ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("dataset: reading was stopped: %w", context.Cause(r.ctx))
}

// stoppedAt is stopped in a loop over samples or elements, of which i is the number: it asks now and
// then, within milliseconds.
func (r *room) stoppedAt(i int) error {
	const often = 1 << 12
	if i%often != 0 {
		return nil
	}
	return r.stopped()
}

// take counts memory before it is allocated. source is the file.
func (r *room) take(n int64, source string) error {
	switch {
	case r == nil:
		return nil
	case n < 0 || n > r.limit-r.used:
		need := r.used + n
		if n < 0 || need < 0 {
			return fmt.Errorf("dataset: %s: the samples take more memory than any machine has", source)
		}
		return fmt.Errorf("dataset: %s: the samples take %s of memory, and may take %s; give fewer samples, or allow more with %s=%s", source, memoryText(need), memoryText(r.limit), MemoryVariable, memoryText(need))
	}
	r.used += n
	return nil
}

// inflated refuses need bytes of memory for what is compressed, unless the user has set
// the limit.
func (r *room) inflated(compressed, need int64, source string) error {
	if r == nil || r.raised || need >= 0 && need <= r.mostOf(compressed) {
		return nil
	}
	return fmt.Errorf("dataset: %s: %d compressed bytes take %s of memory, more than %s and %d times as many; if the data are right, allow it with %s=%s", source, compressed, memoryText(need), memoryText(inflateFree), inflateTimes, MemoryVariable, memoryText(r.used+need))
}

// mostOf returns how much memory compressed bytes may take.
func (r *room) mostOf(compressed int64) int64 {
	if r == nil || r.raised || compressed > math.MaxInt64/inflateTimes-inflateFree {
		return math.MaxInt64
	}
	return inflateFree + inflateTimes*compressed
}

// arrayBytes returns the memory that an array takes: as it lies in the file, once more
// while it is read or its axes are reordered, and as samples.
func arrayBytes(a *preprocess.Array) int64 {
	elements := int64(a.Len())
	if elements > math.MaxInt64/64 {
		return -1 // more than can be
	}
	n := 2*elements*int64(a.ElementBytes()) + int64(firstDimension(a))*perSample
	if !a.IsBytes() {
		n += 4 * elements
	}
	return n
}

// reader returns r, which fails when the reading has to end.
func (r *room) reader(from io.Reader) io.Reader {
	if r == nil {
		return from
	}
	return &stoppable{r, from}
}

type stoppable struct {
	room *room
	from io.Reader
}

// Read reads, unless the reading has to end.
func (s *stoppable) Read(b []byte) (int, error) {
	if err := s.room.stopped(); err != nil {
		return 0, err
	}
	return s.from.Read(b)
}

// float32s returns the elements of an array as Float32s does, unless the reading has to
// end.
func (r *room) float32s(a *preprocess.Array) ([]float32, error) {
	const part = 1 << 20 // elements: some milliseconds
	x := make([]float32, a.Len())
	for lo := 0; lo < len(x); lo += part {
		if err := r.stopped(); err != nil {
			return nil, err
		}
		for i := lo; i < min(lo+part, len(x)); i++ {
			x[i] = float32(a.At(i))
		}
	}
	return x, nil
}

package search

import (
	"bytes"
	"fmt"
	"strings"
)

// verdict says in words whether a file meets the objective, and what it misses.
func (o Objective) verdict(c Candidate) string {
	if c.Meets {
		return "meets the limits"
	}
	var misses []string
	if o.MaxSize > 0 && c.Size() > o.MaxSize {
		misses = append(misses, "too large")
	}
	if o.MaxLatency > 0 && c.Latency > o.MaxLatency {
		misses = append(misses, "too slow")
	}
	if o.MaxMemory > 0 && c.Memory > o.MaxMemory {
		misses = append(misses, "too much memory")
	}
	if !o.limitsOnly() && c.Drop > o.drop() {
		misses = append(misses, "drop too large")
	}
	if misses == nil {
		return "drop too large, without what the float network knows of the held-out samples"
	}
	return strings.Join(misses, ", ")
}

// fraction returns the fraction of its margin that Select asked of the best candidate.
func (o Objective) fraction(best Candidate) float64 {
	for _, f := range marginFractions {
		if o.safe(best, f) {
			return f
		}
	}
	return 0
}

// why says in words why a candidate is the answer, best, or why not.
func (o Objective) why(c, best Candidate) string {
	f := o.fraction(best)
	switch {
	case bytes.Equal(c.Bytes, best.Bytes):
		return "written"
	case !c.Meets:
		return o.verdict(c)
	case c.ineligible:
		return "meets the limits, but its weights are better after more training"
	case !o.safe(c, f):
		n := ""
		if c.Metrics.N < best.Metrics.N {
			n = fmt.Sprintf(", measured on %s samples only", thousands(c.Metrics.N))
		}
		return fmt.Sprintf("meets the limits, but not by its margin of %.2f points%s", f*c.Margin, n)
	case c.Drop > best.Drop:
		return "meets the limits, but loses more"
	}
	return "meets the limits, but is larger"
}

package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The kinds of flag values that people write with a unit. Set returns what to give
// instead; flagError puts the flag and the value before it.

// size is the value of a flag that takes bytes: "10000", "20KB", "20k", "1.5 kB", "2MiB".
type size int

// units are the suffixes of a size, in any case: powers of 1000, and of 1024 with an i.
var units = []struct {
	name  string
	bytes float64
}{{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"ki", 1 << 10}, {"mi", 1 << 20}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"k", 1e3}, {"m", 1e6}, {"bytes", 1}, {"byte", 1}, {"b", 1}, {"", 1}}

// Set parses s and rounds down to whole bytes.
func (v *size) Set(s string) error {
	t := strings.ToLower(strings.TrimSpace(s))
	for _, u := range units {
		number, ok := strings.CutSuffix(t, u.name)
		if !ok {
			continue
		}
		number = strings.TrimSpace(number)
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || strings.Trim(number, "0123456789.") != "" {
			break
		}
		switch n *= u.bytes; {
		case n < 1:
			return errors.New("give at least one byte, such as 10000 or 20KB")
		case n > math.MaxInt32:
			return errors.New("give at most 2,147,483,647 bytes, such as 10000 or 20KB")
		}
		*v = size(n)
		return nil
	}
	return errors.New("give a size such as 10000, 20KB (20,000 bytes) or 2MiB (2,097,152 bytes)")
}

func (v *size) String() string {
	if *v == 0 {
		return ""
	}
	return strconv.Itoa(int(*v))
}

// Type names the value in help texts.
func (v *size) Type() string { return "size" }

// points is the value of a flag that takes percentage points: "0.5", "0.5%", "0.5 points". For
// networks that predict the next token it takes bits too, "0.05bits": a point is a hundredth of
// a nat.
type points struct {
	value float64 // in points
	bits  bool    // it was written in bits
}

// pointsOfBits returns the points of a difference in bits a token.
func pointsOfBits(bits float64) float64 { return 100 * math.Ln2 * bits }

// Set reads s.
func (v *points) Set(s string) error {
	t := strings.ToLower(strings.TrimSpace(s))
	bits, isBits := strings.CutSuffix(strings.TrimSuffix(t, "s"), "bit")
	if isBits {
		t = strings.TrimSpace(bits)
	}
	for _, unit := range []string{"%", "percent", "points", "point", "pp"} {
		t = strings.TrimSpace(strings.TrimSuffix(t, unit))
	}
	x, err := strconv.ParseFloat(t, 64)
	if err != nil && strings.Count(t, ",") == 1 {
		if _, err := strconv.ParseFloat(strings.Replace(t, ",", ".", 1), 64); err == nil {
			return fmt.Errorf("write a decimal point: %s", strings.Replace(t, ",", ".", 1))
		}
	}
	value := x
	if isBits {
		value = pointsOfBits(x)
	}
	switch {
	case isBits && (err != nil || !(value >= 0 && value <= 100)):
		return errors.New("give bits a token from 0 to 1.44, such as 0.02bits")
	case err != nil || !(value >= 0 && value <= 100):
		return errors.New("give points from 0 to 100, such as 0.5 (half a percent of the samples)")
	}
	*v = points{value, isBits}
	return nil
}

func (v *points) String() string { return strconv.FormatFloat(v.value, 'g', -1, 64) }

// Type names the value in help texts.
func (v *points) Type() string { return "points" }

// span is the value of a flag that takes a time above zero, with its unit: "200us", "5m",
// "1h30m", "90 s".
type span struct {
	time     *time.Duration
	examples [2]string // of what people give this flag
}

// longUnits are the words that people write for the units of time.Duration.
var longUnits = strings.NewReplacer("hours", "h", "hour", "h", "minutes", "m", "minute", "m", "mins", "m", "min", "m",
	"seconds", "s", "second", "s", "secs", "s", "sec", "s", "msec", "ms", "usec", "us", " ", "")

// Set reads s.
func (v *span) Set(s string) error {
	t := longUnits.Replace(strings.ToLower(strings.TrimSpace(s)))
	d, err := time.ParseDuration(t)
	if _, number := strconv.ParseFloat(t, 64); number == nil && t != "0" {
		var guesses []string
		for _, e := range v.examples {
			guesses = append(guesses, t+strings.TrimLeft(e, "0123456789"))
		}
		if d, err := time.ParseDuration(guesses[0]); err == nil && d > 0 {
			return fmt.Errorf("give a time with its unit: %s", strings.Join(guesses, " or "))
		}
	}
	if err != nil || d <= 0 {
		return fmt.Errorf("give a positive time with its unit, such as %s or %s", v.examples[0], v.examples[1])
	}
	*v.time = d
	return nil
}

func (v *span) String() string {
	if v.time == nil || *v.time == 0 {
		return ""
	}
	return v.time.String()
}

// Type names the value in help texts.
func (v *span) Type() string { return "time" }

// numbers is the value of a flag that takes finite numbers, separated by commas.
type numbers []float32

// Set reads s.
func (v *numbers) Set(s string) error {
	*v = nil
	for _, f := range strings.Split(s, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(f), 32)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%q is not a finite number; separate numbers by commas, as in 0.485,0.456,0.406", f)
		}
		*v = append(*v, float32(x))
	}
	return nil
}

func (v *numbers) String() string {
	s := make([]string, len(*v))
	for i, x := range *v {
		s[i] = strconv.FormatFloat(float64(x), 'g', -1, 32)
	}
	return strings.Join(s, ",")
}

// Type names the value in help texts.
func (v *numbers) Type() string { return "numbers" }

package edgec

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"edgec/internal/deep"
	"edgec/runtime"
	"edgec/targets"
)

// speedColumn is a column of ratios of docs/SPEED.md, in the last table of a section, whose
// least and greatest README.md quotes.
type speedColumn struct {
	section string
	heads   string // regular expression of the heads of the columns that count together
}

// The ranges in README.md's limits are those of docs/SPEED.md over the dense networks, in this order.
var speedColumns = []speedColumn{
	{"peers", "^vnni / ONNX Runtime$"},
	{"peers", "^vnni / LiteRT$"},
	{"peers", "^avx2 / ONNX Runtime$"},
	{"peers", "^avx2 / LiteRT$"},
	{"peers", "^go / ONNX Runtime$"},
	{"peers", "^go / LiteRT$"},
	{"arm", "^cortex-a(53|72|76): "},
	{"arm", "^cortex-a7, "},
}

func TestReadmeSpeed(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, limit, ok := strings.Cut(string(readme), "- The runtime uses one thread")
	limit, _, end := strings.Cut(limit, "docs/SPEED.md")
	if !ok || !end {
		t.Fatal("README.md has no limit about the speed of the runtime that names docs/SPEED.md")
	}
	var quoted, want []string
	for _, m := range regexp.MustCompile(`([\d.]+) to ([\d.]+)`).FindAllStringSubmatch(strings.ReplaceAll(limit, "\n ", ""), -1) {
		quoted = append(quoted, m[1]+" to "+m[2])
	}
	for _, c := range speedColumns {
		ratios := c.ratios(t)
		if len(ratios) < 3 {
			t.Fatalf("docs/SPEED.md: %d ratios in columns %s of section %s", len(ratios), c.heads, c.section)
		}
		want = append(want, fmt.Sprintf("%.2f to %.2f", slices.Min(ratios), slices.Max(ratios)))
	}
	if !slices.Equal(quoted, want) {
		t.Errorf("README.md quotes the ratios %q, docs/SPEED.md has %q", quoted, want)
	}
}

// ratios returns the ratios of a column, those of pruned files left out: cells begin with one.
func (c speedColumn) ratios(t *testing.T) (ratios []float64) {
	t.Helper()
	var head []string
	inside := false
	for _, line := range readLines(t, "docs/SPEED.md") {
		switch cells := strings.Split(strings.Trim(line, "| "), " | "); {
		case strings.HasPrefix(line, "<!-- "):
			inside = line == "<!-- "+c.section+" -->"
		case !inside || !strings.HasPrefix(line, "| "):
		case cells[0] == "network":
			head, ratios = cells, nil // another table
		case !strings.HasSuffix(cells[0], ".edgec"):
			ratios = append(ratios, c.pick(head, strings.Split(line, "|")[1:])...)
		}
	}
	return ratios
}

// pick returns the ratios of one row in the columns that match.
func (c speedColumn) pick(head, cells []string) (ratios []float64) {
	match := regexp.MustCompile(c.heads)
	for i, h := range head {
		word, _, _ := strings.Cut(strings.TrimSpace(cells[i]), " ")
		if v, err := strconv.ParseFloat(word, 64); err == nil && match.MatchString(h) {
			ratios = append(ratios, v)
		}
	}
	return ratios
}

// The instructions that docs/SPEED.md counts for dense networks lie between those that
// predictions for boards assume, within instructionError.
func TestEstimates(t *testing.T) {
	const instructionError = 0.15 // docs/BOARDS.md has the largest of these networks
	deep.Only(t)
	folder := os.Getenv("EDGEC_DATA")
	if folder == "" {
		t.Skip("EDGEC_DATA is not set; it names the folder with the networks")
	}
	boards := map[string]string{"cortex-a53: neon": "rpi-3", "cortex-a72: neon": "rpi-4", "cortex-a76: dotprod": "rpi-5", "cortex-a7, armv7: neon": "rpi-2", "arm1176, armv6: smlad": "rpi-zero"}
	var head []string
	seen := 0
	for _, line := range readLines(t, "docs/SPEED.md") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		switch {
		case cells[0] == "network":
			head = cells
		case !strings.HasPrefix(line, "|"):
			head = nil
		}
		if len(head) != len(boards)+1 || len(cells) != len(head) || strings.Contains(line, " int8") || strings.HasSuffix(cells[0], ".edgec") {
			continue
		}
		p, err := Pack(filepath.Join(folder, "models", "bench", cells[0]+"_u8s8.onnx"))
		if err != nil {
			continue // no row of a network
		}
		m, err := runtime.Load(p.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		for i, h := range head[1:] {
			thousands, err := strconv.Atoi(strings.ReplaceAll(cells[i+1], ",", ""))
			if err != nil {
				t.Fatal(err)
			}
			b, err := targets.Find(boards[h])
			if err != nil {
				t.Fatal(err)
			}
			p, err := b.Predict(m)
			if err != nil {
				t.Fatal(err)
			}
			if off := float64(p.Instructions)/1000/float64(thousands) - 1; math.Abs(off) > instructionError {
				t.Errorf("%s on %s: %d thousand instructions, predicted %d", cells[0], h, thousands, p.Instructions/1000)
			}
			seen++
		}
	}
	if seen < 30 {
		t.Errorf("%d counts of docs/SPEED.md compared", seen)
	}
}

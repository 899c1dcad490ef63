package main

import (
	"strings"
	"testing"

	"edgec/runtime/format"
)

// Rows are means over their seeds, and say by how much they miss their aim.
func TestMarkdown(t *testing.T) {
	saved := rows
	defer func() { rows = saved }()
	rows = []row{
		{name: "met", model: "a.onnx", data: "d", raw: true, testLast: 7, trainedOn: "no", teacher: "t.onnx", maxSize: 3000, bytes: 3100, error: 1.35},
		{name: "missed", model: "b.onnx", data: "d", maxDrop: 0.1, bytes: 1000, error: 1, limit: "of reasons"},
		{name: "packed", model: "c.tflite", bytes: 1_000_000},
		{name: "distant", model: "e.onnx", data: "made.npy", audio: "a.wav", testLast: 5, noLabels: true, bytes: 2000, error: 2},
		{name: "drawn", model: "v.onnx", data: "p.npy", drawn: true, testLast: 5, noLabels: true, bytes: 2000, error: 1},
		{name: "not measured"},
	}
	s := &format.Sizes{Header: 12, Graph: 20, Masks: 1500}
	const about = "A distance is no error"
	if strings.Contains(markdown([]result{{Row: "packed", Bytes: 1, Sizes: s}}, nil, nil), about) {
		t.Error("distances are explained where there is none")
	}
	page := markdown([]result{
		{Row: "distant", Bytes: 1990, Error: 3.5, Own: 101.25, Sizes: s},
		{Row: "met", Bytes: 2990, Error: 1.3, Float: 1.12, Sizes: s}, {Row: "met", Seed: 1, Bytes: 3010, Error: 1.4, Float: 1.12, Sizes: s},
		{Row: "drawn", Bytes: 1980, Error: 0.75, Sizes: s},
		{Row: "missed", Bytes: 1100, Error: 1.25, Sizes: s}, {Row: "packed", Bytes: 123456, Random: 130000.4, Sizes: s},
	}, nil, []moved{{Row: "packed", Weights: 2000, Random: 1000, Sorted: 980, Moved: 950, SortTime: 0.125, MoveTime: 4.5, Samples: 500}})
	for _, want := range []string{
		"| met | 3,000 (2,990 to 3,010) | 1.35 (1.30 to 1.40) | 1.12 % | 3,100 B at 1.35 % | yes |",
		"| 10 % too large, 0.25 points too many: of reasons |",
		"| distant | 1,990 | 3.50 distance, own error 101.25 % |  | 2,000 B at 2.00 % distance | 1.50 points too many |", about,
		"| distant | `go run ./internal/bench -features made.npy; edgec compress models/e.onnx --data made.npy --test-last 5 --no-labels` |",
		"| drawn | 1,980 | 0.75 disagreement |  | 2,000 B at 1.00 % disagreement | yes |", "A disagreement is",
		"| drawn | `go run ./internal/bench -pictures p.npy; edgec compress models/v.onnx --data p.npy --test-last 5 --no-labels` |",
		"| packed | 123,456 | the int8 network's outputs |  | 1,000,000 B | yes |",
		"| met | 1 | 3,010 |  | 1.40 % |", "| 32 | 1500 |", "| packed | 0 | 123,456 | 130,000 |",
		"| packed | 2,000 | 1,000 | 980 | 0.12 | 950 | 4.50 | 5.0 % | 500 |",
		"`edgec compress models/a.onnx --data d --raw --test-last 7 --trained-on no --teacher models/t.onnx --max-size 3000`", "`edgec compress models/b.onnx --data d --max-drop 0.1`", "`edgec pack models/c.tflite`",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "not measured |") {
		t.Error("a row without results is on the page")
	}
}

// A row measured again takes the place of its last result.
func TestReplace(t *testing.T) {
	rs := []result{{Row: "a", Bytes: 1}, {Row: "a", Seed: 1, Bytes: 2}}
	rs = replace(rs, result{Row: "a", Seed: 1, Bytes: 3})
	rs = replace(rs, result{Row: "b", Bytes: 4})
	if len(rs) != 3 || rs[0].Bytes != 1 || rs[1].Bytes != 3 || rs[2].Bytes != 4 {
		t.Errorf("%+v", rs)
	}
}

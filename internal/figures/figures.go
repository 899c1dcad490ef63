package main

import (
	"fmt"
	"strings"
)

// mostComplex is the largest cyclomatic complexity that needs no reason.
const mostComplex = 20

// figure is one line of the output.
type figure struct{ name, value string }

// figures measures the tree.
func (t *tree) figures() []figure {
	root, lines := t.in("."), 0
	for _, f := range root {
		lines += f.lines
	}
	s := largestStruct(t.search())
	long := t.longest()
	named, bare := constants(t.search())
	out := []figure{
		{"files of the root package", fmt.Sprint(len(root))},
		{"lines of the root package", fmt.Sprint(lines)},
		{"largest struct of the search", fmt.Sprintf("%d fields: %s", s.fields, s.name)},
		{"packages that switch over operator types", listed(t.operatorSwitches())},
		{"packages that test for an operator type", listed(t.operatorTests())},
		{"files that switch over opcodes", listed(t.opcodeSwitches())},
		{"files that compare with an opcode", listed(t.opcodeTests())},
		{"longest function", fmt.Sprintf("%d lines: %s", long.lines, long.name)},
		{"numeric constants of the search, with a name", fmt.Sprint(named)},
		{"numeric literals of the search, but 0, 1 and 2", fmt.Sprint(bare)},
	}
	complex, excused := t.complex(mostComplex)
	out = append(out, figure{fmt.Sprintf("functions with a complexity above %d", mostComplex), fmt.Sprintf("%d, %d of them with a reason", len(complex), excused)})
	for _, f := range complex {
		out = append(out, figure{"  " + f.name, fmt.Sprint(f.complexity)})
	}
	return out
}

// listed counts names and shows them.
func listed(names []string) string {
	if len(names) == 0 {
		return "0"
	}
	return fmt.Sprintf("%d: %s", len(names), strings.Join(names, " "))
}

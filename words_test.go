package edgec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// homemade are words of this project's youth, with the field's own words.
var homemade = []struct {
	word    *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)(^|[^-\w])shots?\b`), "one-shot pruning run"},
	{regexp.MustCompile(`(?i)\bhunt(s|ed|ing)?\b`), "sparsity search, search"},
	{regexp.MustCompile(`(?i)\bfeeds?\b`), "loader, give"},
	{regexp.MustCompile(`(?i)\b(judg\w*|exams?)\b`), "evaluator, measure"},
	{regexp.MustCompile(`(?i)\bties\b`), "input pooling"},
	{regexp.MustCompile(`(?i)\bminds?\b`), "output curvature"},
	{regexp.MustCompile(`(?i)\bbarred\b`), "ineligible"},
	{regexp.MustCompile(`(?i)\bfor want of\b`), "without"},
	{regexp.MustCompile(`(?i)\bother than zero\b`), "nonzero"},
	{regexp.MustCompile(`(?i)\bnothing but\b`), "only"},
	{regexp.MustCompile(`(?i)\bso many\b.*\bas many\b`), "the number"},
}

// generated are documents that commands write.
var generated = map[string]bool{filepath.Join("docs", "BENCHMARKS.md"): true, filepath.Join("docs", "TUNING.md"): true}

// documents are those that people write.
func documents(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"README.md", "RATIONALE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		for _, name := range found {
			if !generated[name] {
				names = append(names, name)
			}
		}
	}
	return names
}

func readLines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

func checkWords(t *testing.T, where string, line int, text string) {
	t.Helper()
	for _, h := range homemade {
		if found := h.word.FindString(text); found != "" {
			t.Errorf("%s:%d: %q; say: %s", where, line, strings.TrimSpace(found), h.instead)
		}
	}
}

// Documents use the field's words, and their prose has less than 120 columns; the
// long steps of CONTRIBUTING.md may have more.
func TestDocumentsAreReadable(t *testing.T) {
	for _, name := range documents(t) {
		code := false
		for i, line := range readLines(t, name) {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				code = !code
			}
			checkWords(t, name, i+1, line)
			if n := utf8.RuneCountInString(line); n >= 120 && !code && name != "CONTRIBUTING.md" && !strings.HasPrefix(line, "|") {
				t.Errorf("%s:%d: %d columns", name, i+1, n)
			}
		}
	}
}

// Help texts and messages of the commands use the field's words.
func TestMessagesAreReadable(t *testing.T) {
	names, err := filepath.Glob("internal/cli/*.go")
	if err != nil {
		t.Fatal(err)
	}
	texts := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING {
				texts++
				checkWords(t, name, files.Position(s.Pos()).Line, s.Value)
			}
			return true
		})
	}
	if texts < 300 {
		t.Errorf("saw %d texts; the walk does not reach them", texts)
	}
}

// RATIONALE.md is what still matters; the rest is in docs.
func TestRationaleIsShort(t *testing.T) {
	const most = 12 << 10
	if info, err := os.Stat("RATIONALE.md"); err != nil || info.Size() > most {
		t.Errorf("%v bytes, at most %d; move what is reference to docs/: %v", info.Size(), most, err)
	}
}

// The sizes in README.md's and the guide's tables are those of docs/BENCHMARKS.md,
// and so are errors with a range.
func TestFiguresAreMeasured(t *testing.T) {
	text, err := os.ReadFile("docs/BENCHMARKS.md")
	if err != nil {
		t.Fatal(err)
	}
	figure := regexp.MustCompile(`([\d,]+) B|([\d.]+) % \(([\d.]+) to ([\d.]+)\)`)
	figures := 0
	for _, name := range []string{"README.md", "docs/GUIDE.md"} {
		for i, line := range readLines(t, name) {
			cells := strings.Split(strings.Trim(line, "|"), "|")
			if !strings.HasPrefix(line, "|") || len(cells) < 3 {
				continue
			}
			for _, m := range figure.FindAllStringSubmatch(cells[2], -1) {
				figures++
				want := " " + m[1] + " "
				if m[1] == "" {
					want = m[2] + " (" + m[3] + " to " + m[4] + ")"
				}
				if !strings.Contains(string(text), want) {
					t.Errorf("%s:%d: docs/BENCHMARKS.md does not have %q", name, i+1, want)
				}
			}
		}
	}
	if figures < 10 {
		t.Errorf("saw %d figures; the tables have another form", figures)
	}
}

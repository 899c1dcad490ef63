package ablation

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// Constant is one number of the file: a named one, or an element of a named list or
// structure. A name that stands for another name alone is none.
type Constant struct {
	Name    string // topRate, runTraining.samples, coarseBits[1]
	Value   float64
	Int     bool
	Derived bool   // its expression has other constants in it
	Unit    string // the first part of its comment
	Meaning string // the second
	Source  string // the third: paper and section, command, or "chosen"
	text    string // the expression
	from    int    // its offset in the file
}

// File is a parsed file.
type File struct {
	Constants []Constant // in the order of the file
	text      string
}

// Parse reads Go source with constants and variables. The comment of each, on its own
// line, has the form
//
//	unit; meaning; source
//
// A number that cannot be evaluated or a comment of another form is an error with its
// line.
func Parse(name, text string) (*File, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("ablation: %w", err)
	}
	r := &reader{fset: fset, text: text, known: map[string]constant.Value{}, comments: lineComments(fset, f)}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST && g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			if err := r.spec(s.(*ast.ValueSpec)); err != nil {
				return nil, fmt.Errorf("ablation: %w", err)
			}
		}
	}
	return &File{r.found, text}, nil
}

// lineComments returns the comments by the line that they begin on.
func lineComments(fset *token.FileSet, f *ast.File) map[int]string {
	at := map[int]string{}
	for _, c := range f.Comments {
		at[fset.Position(c.Pos()).Line] = strings.TrimSpace(c.Text())
	}
	return at
}

// reader collects the constants of a file.
type reader struct {
	fset     *token.FileSet
	text     string
	known    map[string]constant.Value // of the names so far
	comments map[int]string
	found    []Constant
}

// spec reads one declaration.
func (r *reader) spec(s *ast.ValueSpec) error {
	for i, name := range s.Names {
		if i >= len(s.Values) {
			return fmt.Errorf("%s: %s has no value; give it one", r.fset.Position(name.Pos()), name.Name)
		}
		if err := r.value(name.Name, s.Values[i]); err != nil {
			return err
		}
	}
	return nil
}

// value reads an expression, or the elements of a composite literal.
func (r *reader) value(name string, e ast.Expr) error {
	list, ok := e.(*ast.CompositeLit)
	if !ok {
		return r.number(name, e)
	}
	for i, elem := range list.Elts {
		at := fmt.Sprintf("%s[%d]", name, i)
		if kv, ok := elem.(*ast.KeyValueExpr); ok {
			at, elem = fmt.Sprintf("%s.%s", name, kv.Key), kv.Value
		}
		if err := r.value(at, elem); err != nil {
			return err
		}
	}
	return nil
}

// number reads a number with its comment.
func (r *reader) number(name string, e ast.Expr) error {
	v, err := r.eval(e)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", r.fset.Position(e.Pos()), name, err)
	}
	r.known[name] = v
	if _, alias := e.(*ast.Ident); alias {
		return nil
	}
	if len(r.found) > 0 && r.found[len(r.found)-1].Name == name {
		return fmt.Errorf("%s: %s is there twice", r.fset.Position(e.Pos()), name)
	}
	parts := strings.SplitN(strings.ReplaceAll(r.comments[r.fset.Position(e.End()).Line], "\n", " "), ";", 3)
	if len(parts) != 3 {
		return fmt.Errorf("%s: %s needs a comment on its line: unit; meaning; source", r.fset.Position(e.Pos()), name)
	}
	from, to := r.fset.Position(e.Pos()).Offset, r.fset.Position(e.End()).Offset
	f, _ := constant.Float64Val(constant.ToFloat(v))
	r.found = append(r.found, Constant{
		Name: name, Value: f, Int: v.Kind() == constant.Int, Derived: r.derived(e),
		Unit: strings.TrimSpace(parts[0]), Meaning: strings.TrimSpace(parts[1]), Source: strings.TrimSpace(parts[2]),
		text: r.text[from:to], from: from,
	})
	return nil
}

// derived reports whether an expression has another constant in it: of the file, or of
// package time.
func (r *reader) derived(e ast.Expr) (is bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if ok && (r.known[id.Name] != nil || id.Name == "time") {
			is = true
		}
		return !is
	})
	return is
}

// durations are the constants of package time, in nanoseconds.
var durations = map[string]int64{"Nanosecond": 1, "Microsecond": 1e3, "Millisecond": 1e6, "Second": 1e9, "Minute": 6e10}

// eval evaluates a constant expression.
func (r *reader) eval(e ast.Expr) (constant.Value, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return number(e)
	case *ast.ParenExpr:
		return r.eval(e.X)
	case *ast.Ident:
		if v := r.known[e.Name]; v != nil {
			return v, nil
		}
		return nil, fmt.Errorf("%s is not a constant that stands above", e.Name)
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && x.Name == "time" && durations[e.Sel.Name] > 0 {
			return constant.MakeInt64(durations[e.Sel.Name]), nil
		}
	case *ast.BinaryExpr:
		return r.binary(e)
	}
	return nil, fmt.Errorf("expression %T is not read; write a number", e)
}

// number is the value of a literal.
func number(l *ast.BasicLit) (constant.Value, error) {
	if l.Kind != token.INT && l.Kind != token.FLOAT {
		return nil, fmt.Errorf("%s is no number", l.Value)
	}
	return constant.MakeFromLiteral(l.Value, l.Kind, 0), nil
}

func (r *reader) binary(e *ast.BinaryExpr) (constant.Value, error) {
	x, err := r.eval(e.X)
	if err != nil {
		return nil, err
	}
	y, err := r.eval(e.Y)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case token.SHL:
		n, _ := constant.Uint64Val(y)
		return constant.Shift(x, e.Op, uint(n)), nil
	case token.ADD, token.SUB, token.MUL:
		return constant.BinaryOp(x, e.Op, y), nil
	case token.QUO:
		op := token.QUO
		if x.Kind() == constant.Int && y.Kind() == constant.Int {
			op = token.QUO_ASSIGN // integer division
		}
		return constant.BinaryOp(x, op, y), nil
	}
	return nil, fmt.Errorf("operator %s is not read", e.Op)
}

// Text is the value as a person writes it.
func (c Constant) Text() string {
	if strings.Contains(c.Unit, "duration") {
		return c.text
	}
	return strconv.FormatFloat(c.Value, 'g', -1, 64)
}

package dataset

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/tensor"
)

// opened reads one file.
func opened(t *testing.T, name, text string, o Options) *Splits {
	t.Helper()
	sp, err := Open(write(t, t.TempDir(), name, []byte(text)), o)
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

// numbersOf returns all elements of a set.
func numbersOf(s *Set) (x []float32) {
	for i := range s.Len() {
		x = append(x, sample(s, i)...)
	}
	return x
}

// TestCSVKinds: tables as people bring them, what becomes of them, and what is said.
func TestCSVKinds(t *testing.T) {
	two, three := Options{Shape: tensor.Shape{2}, Classes: 3}, Options{Shape: tensor.Shape{2}, Classes: 3}
	three.Names = []string{"walk", "run", "sit"}
	number := func(column string) Options { return Options{Shape: tensor.Shape{2}, Classes: 3, LabelColumn: column} }
	x := []float32{1.5, 2, 3, 4.25}
	for _, c := range []struct {
		name, text string
		o          Options
		x          []float32
		labels     []int
		says       string
	}{
		{"names under a label header", "a,b,label\n1.5,2,walk\n3,4.25,run\n", two, x, []int{1, 0}, `labels from column 3 ("label"); classes 0 "run", 1 "walk", sorted as text`},
		{"names without a header", "walk,1.5,2\nrun,3,4.25\n", two, x, []int{1, 0}, "column 1 was taken for the labels since it holds names"},
		{"names last, without a header", "1.5,2,b\n3,4.25,a\n", two, x, []int{1, 0}, "labels from column 3; classes 0 \"a\""},
		{"names beside whole numbers", "1,2,b\n3,4,a\n", two, []float32{1, 2, 3, 4}, []int{1, 0}, "labels from column 3"},
		{"names in the order of --labels", "a,b,label\n1.5,2,walk\n3,4.25,run\n", three, x, []int{0, 1}, `classes 0 "walk", 1 "run", 2 "sit", in the order of --labels; values as they are; no samples of class "sit"`},
		{"true and false", "a,b,class\n1.5,2,True\n3,4.25,False\n", two, x, []int{1, 0}, `0 "False", 1 "True"`},
		{"names of numbers from --labels", "a,b,label\n1.5,2,1\n3,4.25,3\n", Options{Shape: tensor.Shape{2}, Classes: 3, Names: []string{"1", "2", "3"}}, x, []int{0, 2}, `classes 0 "1", 1 "2", 2 "3", in the order of --labels`},
		{"minus one and one", "a,b,label\n1.5,2,1\n3,4.25,-1\n", Options{Shape: tensor.Shape{2}, Classes: 2, Names: []string{"-1", "1"}}, x, []int{1, 0}, `classes 0 "-1", 1 "1"`},
		{"tens", "a,b,label\n1.5,2,20\n3,4.25,0\n", Options{Shape: tensor.Shape{2}, Classes: 3, Names: []string{"0", "10", "20"}}, x, []int{2, 0}, `no samples of class "10"`},
		{"semicolons", "a;b;label\n1.5;2;1\n3;4.25;0\n", two, x, []int{1, 0}, "fields are separated by ';'"},
		{"semicolons and decimal commas", "a;b;label\n1,5;2;1\n3;4,25;0\n", two, x, []int{1, 0}, "numbers have a decimal comma"},
		{"what a spreadsheet says of itself", "sep=;\r\na;b;label\r\n1,5;2;1\r\n3;4,25;0\r\n", two, x, []int{1, 0}, "';'"},
		{"tabs", "a\tb\tlabel\n1.5\t2\t1\n3\t4.25\t0\n", two, x, []int{1, 0}, `separated by '\t'`},
		{"a semicolon in quotes", "\"a;b\",c,label\n1.5,2,1\n3,4.25,0\n", two, x, []int{1, 0}, "labels from column 3"},
		{"a numbered header", "0,1,2\n1.5,2,1\n3,4.25,0\n", two, x, []int{1, 0}, "the first line counts the columns"},
		{"a separator at the end of lines", "a,b,label,\n1.5,2,1,\n3,4.25,0,\n", two, x, []int{1, 0}, `labels from column 3 ("label"); values`},
		{"a column that counts rows", ",a,b,label\n0,1.5,2,1\n1,3,4.25,0\n", two, x, []int{1, 0}, "not read: column 1, which has no name and numbers the rows"},
		{"a column that counts rows, no labels", ",a,b\n1,1.5,2\n2,3,4.25\n", two, x, nil, "no labels"},
		{"a column that counts rows, the last holds classes", ",a,b,c\n0,1.5,2,1\n1,3,4.25,0\n", two, x, []int{1, 0}, `column 4 ("c") was taken`},
		{"NumPy's header", "# a,b,label\n1.5,2,1\n3,4.25,0\n", two, x, []int{1, 0}, `labels from column 3 ("label")`},
		{"a header with a number in it", "a,2019,c\n1.5,2,1\n3,4.25,0\n", two, x, []int{1, 0}, "the first line was taken for a header"},
		{"a header without labels", "a,b\n1.5,2\n3,4.25\n", two, x, nil, "no labels"},
		{"a feature called class", "class,b\n1.5,2\n3,4.25\n", two, x, nil, `column 1 ("class") is a feature`},
		{"a column by name", "act,a,b\n1,1.5,2\n0,3,4.25\n", number("act"), x, []int{1, 0}, `labels from column 1 ("act")`},
		{"a column by number", "1.5,1,2\n3,0,4.25\n", number("2"), x, []int{1, 0}, "labels from column 2"},
		{"a column of names by number", "1.5,b,2\n3,a,4.25\n", number("2"), x, []int{1, 0}, `classes 0 "a", 1 "b"`},
		{"a name that is a number", "7,2,9\n1,1.5,2\n0,3,4.25\n", number("7"), []float32{2, 9, 1.5, 2, 3, 4.25}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.says == "" {
				_, err := Open(write(t, t.TempDir(), "d.csv", []byte(c.text)), c.o)
				refused(t, err, "no column \"7\"", "1 to 3")
				return
			}
			sp := opened(t, "d.csv", c.text, c.o)
			if got := numbersOf(sp.Train); !slices.Equal(got, c.x) || !slices.Equal(sp.Train.Labels, c.labels) {
				t.Errorf("%v with labels %v, want %v with %v", got, sp.Train.Labels, c.x, c.labels)
			}
			if line := sp.Source.String(); !strings.Contains(line, c.says) || strings.Contains(line, "\n") {
				t.Errorf("it says %q, not %q", line, c.says)
			}
			if (sp.Source.LabelColumn > 0) != (c.labels != nil) {
				t.Errorf("label column %d", sp.Source.LabelColumn)
			}
		})
	}
	sp := opened(t, "d.tsv", "1.5\t2\n3\t4.25\n", two)
	if got := numbersOf(sp.Train); !slices.Equal(got, x) {
		t.Errorf(".tsv: %v", got)
	}
	if sp = opened(t, "d.csv.gz", string(gz([]byte("1.5,2\n3,4.25\n"))), two); !slices.Equal(numbersOf(sp.Train), x) {
		t.Errorf(".csv.gz: %v", numbersOf(sp.Train))
	}
}

// TestCSVKindsRefused: what could be read in two ways is refused, with the columns.
func TestCSVKindsRefused(t *testing.T) {
	two := Options{Shape: tensor.Shape{2}, Classes: 2}
	column := func(c string) Options { return Options{Shape: tensor.Shape{2}, Classes: 2, LabelColumn: c} }
	for _, c := range []struct {
		name, text string
		o          Options
		says       []string
	}{
		{"two columns of whole numbers", "x,y,act\n1,2,1\n0,3,0\n", two, []string{"columns 1 and 3 both may be the labels", `1 "x", 2 "y", 3 "act"`, "--label-column"}},
		{"two columns of names", "walk,1,a\nrun,2,b\n", two, []string{"columns 1 and 3 both", "--label-column"}},
		{"no column of classes", "a,b,c\n1.5,2,0.5\n3,4,1.5\n", two, []string{"neither the first nor the last", "--label-column", `3 "c"`}},
		{"a column that is not there", "x,y,act\n1,2,1\n", column("label"), []string{`no column "label"`, `1 "x", 2 "y", 3 "act"`}},
		{"a column beyond the last", "1,2,1\n", column("4"), []string{`no column "4"`, "1 to 3"}},
		{"a name among the features", "a,b,label\n1,up,0\n", two, []string{"line 2, column 2", "--label-column 2"}},
		{"more names than classes", "a,b,label\n1,2,x\n1,2,y\n1,2,z\n", two, []string{"line 4", `"z"`, "2 classes"}},
		{"more classes than outputs", "a,b,label\n1,2,0\n1,2,4\n", two, []string{"line 3 has label 4", "0 to 1"}},
		{"classes from 1", "a,b,label\n1,2,1\n1,2,2\n", two, []string{"label 2", "--labels 1,2"}},
		{"minus one and one", "a,b,label\n1,2,1\n1,2,-1\n", two, []string{"line 3 has label -1", "--labels -1,1"}},
		{"an empty label", "a,b,label\n1,2,x\n1,2,\n", two, []string{"line 3 has no label"}},
		{"a point after a decimal comma", "a;b;label\n1,5;2;0\n1.5;2;1\n", two, []string{"line 3, column 1", "decimal sign"}},
		{"a decimal comma after a point", "a;b;label\n1.5;2;0\n1,5;2;1\n", two, []string{"line 3, column 1", "decimal sign"}},
		{"points for thousands", "a;b;label\n1.234,5;2;0\n", two, []string{"line 2, column 1", "finite number"}},
		{"a separator at the end of some lines", "a,b,label,\n1.5,2,1,\n3,4.25,0,7\n", two, []string{"line 3 has 4 fields, the first 3"}},
		{"UTF-16", "\xff\xfea\x00,\x00", two, []string{"UTF-16"}},
		{"target values for classes", "a,b,label\n1,2,0.5\n", two, []string{"line 2 has label 0.5", "2 outputs", "--no-labels"}},
		{"a class that --labels lacks", "a,b,label\n1,2,x\n1,2,y\n", Options{Shape: tensor.Shape{2}, Classes: 2, Names: []string{"x", "z"}}, []string{`classes "y"`, `"x", "z"`, "--labels"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(write(t, t.TempDir(), "d.csv", []byte(c.text)), c.o)
			refused(t, err, append(c.says, "d.csv")...)
		})
	}
	_, err := Open(write(t, t.TempDir(), "d.npy", npy("<f4", false, []int{2, 2}, make([]float32, 4), le, 1)), column("1"))
	refused(t, err, "no CSV file", "--label-column")
}

// TestTargets: numbers that are no classes, where they are target values and where they
// are left aside.
func TestTargets(t *testing.T) {
	one := Options{Shape: tensor.Shape{2}, Classes: 1}
	for name, text := range map[string]string{"by name": "a,b,y\n1,2,0.5\n3,4,-7\n", "last": "a,b,price\n1.5,2,0.5\n3,4,-7\n"} {
		sp := opened(t, "d.csv", text, one)
		if !slices.Equal(sp.Train.Targets, []float32{0.5, -7}) || sp.Train.Labels != nil || !strings.HasPrefix(sp.Source.String(), "target values from column 3") {
			t.Errorf("%s: targets %v, labels %v, %s", name, sp.Train.Targets, sp.Train.Labels, sp.Source)
		}
		left := Options{Shape: tensor.Shape{2}, Classes: 3, NoLabels: true}
		if sp = opened(t, "d.csv", text, left); sp.Train.Targets != nil || sp.Train.Labels != nil || !strings.Contains(sp.Source.String(), "left aside") {
			t.Errorf("%s, without labels: %v, %s", name, sp.Train.Targets, sp.Source)
		}
	}
	sp := opened(t, "d.csv", "a,b,label\n1,2,up\n3,4,down\n", Options{Shape: tensor.Shape{2}, Classes: 2, NoLabels: true})
	if sp.Train.Labels != nil || sp.Train.ClassNames != nil || !slices.Equal(numbersOf(sp.Train), []float32{1, 2, 3, 4}) {
		t.Errorf("names left aside: %v, %v", sp.Train.Labels, numbersOf(sp.Train))
	}
	floats := map[string][]byte{"x.npy": npy("<f4", false, []int{2, 2}, []float32{1, 2, 3, 4}, le, 1), "y.npy": npy("<f4", false, []int{2}, []float32{0.5, 7}, le, 1)}
	path := write(t, t.TempDir(), "d.npz", npz(t, floats))
	if sp, err := Open(path, one); err != nil || !slices.Equal(sp.Train.Targets, []float32{0.5, 7}) {
		t.Errorf("npz: %v", err)
	}
	if sp, err := Open(path, Options{Shape: tensor.Shape{2}, Classes: 3, NoLabels: true}); err != nil || sp.Train.Targets != nil {
		t.Errorf("npz without labels: %v", err)
	}
	_, err := Open(path, Options{Shape: tensor.Shape{2}, Classes: 3})
	refused(t, err, "sample 0 has label 0.5", "3 outputs", "--no-labels")
}

// TestOneHot: rows with a single 1 are labels; others, as many as outputs, target values.
func TestOneHot(t *testing.T) {
	read := func(y []float32, width, classes int) *Splits {
		t.Helper()
		n := len(y) / width
		path := write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"x.npy": npy("<f4", false, []int{n, 2}, make([]float32, 2*n), le, 1), "y.npy": npy("<f4", false, []int{n, width}, y, le, 1)}))
		sp, err := Open(path, Options{Shape: tensor.Shape{2}, Classes: classes})
		if err != nil {
			t.Fatal(err)
		}
		return sp
	}
	sp := read([]float32{0, 0, 1, 1, 0, 0, 0, 1, 0}, 3, 3)
	if !slices.Equal(sp.Train.Labels, []int{2, 0, 1}) || sp.Train.Targets != nil || !strings.Contains(sp.Source.String(), "one-hot") {
		t.Errorf("labels %v, targets %v, %s", sp.Train.Labels, sp.Train.Targets, sp.Source)
	}
	for name, y := range map[string][]float32{"a half": {0, 0.5, 1, 1, 0, 0}, "two ones": {0, 1, 1, 1, 0, 0}, "none": {0, 0, 0, 1, 0, 0}} {
		if sp := read(y, 3, 3); sp.Train.Labels != nil || !slices.Equal(sp.Train.Targets, y) {
			t.Errorf("%s: labels %v, targets %v", name, sp.Train.Labels, sp.Train.Targets)
		}
	}
}

// textArray is an array of NumPy's type U in byte order <, or S.
func textArray(kind string, names []string) []byte {
	width := 1
	for _, n := range names {
		width = max(width, len([]rune(n)))
	}
	var body []byte
	for _, n := range names {
		cell := make([]byte, 4*width)
		for i, r := range []rune(n) {
			cell[4*i], cell[4*i+1] = byte(r), byte(r>>8)
		}
		if kind == "|S" {
			cell = append([]byte(n), make([]byte, width-len(n))...)
		}
		body = append(body, cell...)
	}
	return npyHeader(fmt.Sprintf("{'descr': '%s%d', 'fortran_order': False, 'shape': (%d,), }", kind, width, len(names)), body, le, 1)
}

// TestNpzKinds: labels under many names and of many types, arrays that are found by their
// shape, and those that are not read.
func TestNpzKinds(t *testing.T) {
	x := npy("<f4", false, []int{3, 2}, make([]float32, 6), le, 1)
	y := npy("<i8", false, []int{3}, []int64{0, 2, 1}, le, 1)
	for _, c := range []struct {
		name   string
		arrays map[string][]byte
		labels []int
		says   string
	}{
		{"label", map[string][]byte{"x.npy": x, "label.npy": y}, []int{0, 2, 1}, `labels from array "label"`},
		{"Label, X", map[string][]byte{"X.npy": x, "Label.npy": y}, []int{0, 2, 1}, `labels from array "Label"`},
		{"y_true", map[string][]byte{"x.npy": x, "y_true.npy": y}, []int{0, 2, 1}, `"y_true"`},
		{"another name", map[string][]byte{"x.npy": x, "answers.npy": y}, nil, `no labels; values as they are; not read: array "answers"`},
		{"samples by shape", map[string][]byte{"signals.npy": x, "y.npy": y}, []int{0, 2, 1}, `array "signals" holds the samples`},
		{"names", map[string][]byte{"x.npy": x, "y.npy": textArray("<U", []string{"up", "left", "ß"})}, []int{1, 0, 2}, `classes 0 "left", 1 "up", 2 "\u00df"`},
		{"names of bytes", map[string][]byte{"x.npy": x, "y.npy": textArray("|S", []string{"up", "left", "up"})}, []int{1, 0, 1}, `classes 0 "left", 1 "up"`},
	} {
		sp, err := Open(write(t, t.TempDir(), "d.npz", npz(t, c.arrays)), Options{Shape: tensor.Shape{2}, Classes: 3})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.Equal(sp.Train.Labels, c.labels) || !strings.Contains(sp.Source.String(), c.says) {
			t.Errorf("%s: labels %v, %q", c.name, sp.Train.Labels, sp.Source)
		}
	}
	_, err := Open(write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"a.npy": x, "b.npy": x})), Options{Shape: tensor.Shape{2}})
	refused(t, err, "no array named x", "a [3,2], b [3,2]")
	cut := textArray("<U", []string{"up", "left", "up"})
	_, err = Open(write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"x.npy": x, "y.npy": cut[:len(cut)-9]})), Options{Shape: tensor.Shape{2}})
	refused(t, err, "y.npy", "2 of 3 names")
	// names of the test part are those of training
	split := map[string][]byte{"x_train.npy": x, "y_train.npy": textArray("<U", []string{"c", "a", "b"}), "x_test.npy": x, "y_test.npy": textArray("<U", []string{"b", "b", "c"})}
	sp, err := Open(write(t, t.TempDir(), "d.npz", npz(t, split)), Options{Shape: tensor.Shape{2}, Classes: 3})
	if err != nil || !slices.Equal(sp.Test.Labels, []int{1, 1, 2}) {
		t.Errorf("test labels: %v, %v", sp, err)
	} else if want := `labels from array "y_train", of the test part from array "y_test"`; sp.Source.Labels != want {
		t.Errorf("labels are said to be %q, want %q", sp.Source.Labels, want)
	}
	split["y_test.npy"] = textArray("<U", []string{"b", "new", "c"})
	_, err = Open(write(t, t.TempDir(), "d.npz", npz(t, split)), Options{Shape: tensor.Shape{2}, Classes: 4})
	refused(t, err, "sample 1", `"new"`, "no training sample")
}

// TestClassFolders: folders are numbered as training tools number them, or as --labels
// says; what was not read is counted.
func TestClassFolders(t *testing.T) {
	white := encode(t, "png", filled(4, 4, color.White))
	files := map[string][]byte{}
	for _, k := range []string{"1", "2", "10", "11"} {
		files[k+"/a.png"] = white
	}
	files["10/b.png"] = encode(t, "png", filled(8, 2, color.White))
	files["2/c.bmp"], files["2/d.BMP"], files["1/e.txt"], files["README"] = nil, nil, nil, nil
	folder := writeAll(t, files)
	o := Options{Shape: tensor.Shape{1, 4, 4}, Classes: 4}
	sp, err := Open(folder, o)
	if err != nil {
		t.Fatal(err)
	}
	s := sp.Source
	if !slices.Equal(s.Classes, []string{"1", "10", "11", "2"}) || !slices.Equal(sp.Train.Labels, []int{0, 1, 1, 2, 3}) || s.Pictures != 5 || s.Resized != 1 {
		t.Errorf("classes %v, labels %v, %d read, %d resized", s.Classes, sp.Train.Labels, s.Pictures, s.Resized)
	}
	if s.Skipped[".bmp"] != 2 || s.Skipped[".txt"] != 1 || s.Skipped["without extension"] != 1 || len(s.Skipped) != 3 {
		t.Errorf("skipped: %v", s.Skipped)
	}
	for _, says := range []string{`0 "1", 1 "10", 2 "11", 3 "2"`, "by number it would be 1,2,10,11", "5 pictures read, 1 resized", "4 files not read: 2 .bmp, 1 .txt, 1 without extension", "values byte / 255"} {
		if !strings.Contains(s.String(), says) {
			t.Errorf("%q does not say %q", s, says)
		}
	}
	o.Names = []string{"1", "2", "10", "11"}
	if sp, err = Open(folder, o); err != nil || !slices.Equal(sp.Train.Labels, []int{0, 1, 2, 2, 3}) || !slices.Equal(sp.Train.ClassNames, o.Names) {
		t.Errorf("with names: %v, %v", sp, err)
	}
	o.Names = []string{"cat", "dog", "cow", "hen"} // for people
	if sp, err = Open(folder, o); err != nil || !slices.Equal(sp.Train.Labels, []int{0, 1, 1, 2, 3}) || !strings.Contains(sp.Source.String(), "not those of the data") {
		t.Errorf("other names: %v, %v", sp, err)
	}
	o.Names, o.NamesFrom = []string{"1", "2", "10", "hen"}, "the file's labels"
	_, err = Open(folder, o)
	refused(t, err, `classes "11"`, "the file's labels", "--labels")
	_, err = Open(writeAll(t, map[string][]byte{"a/x.bmp": nil, "b/y.bmp": nil}), Options{Shape: tensor.Shape{1, 4, 4}})
	refused(t, err, "no PNG, JPEG or GIF", "2 .bmp")
}

// TestOneClass: a set of one class, a class without samples and too few classes are said.
func TestOneClass(t *testing.T) {
	white := encode(t, "png", filled(4, 4, color.White))
	sp, err := Open(writeAll(t, map[string][]byte{"a/x.png": white, "b/y.bmp": nil}), Options{Shape: tensor.Shape{1, 4, 4}, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{`no samples of class "b"`, `warning: all labels are 0 "a"`} {
		if !strings.Contains(sp.Source.String(), says) {
			t.Errorf("%q does not say %q", sp.Source, says)
		}
	}
	sp = opened(t, "d.csv", "a,label\n1,3\n2,3\n", Options{Shape: tensor.Shape{1}, Classes: 5})
	if !strings.Contains(sp.Source.String(), "warning: all labels are 3") {
		t.Errorf("%q", sp.Source)
	}
	sp = opened(t, "d.csv", "a,label\n1,3\n2,1\n", Options{Shape: tensor.Shape{1}, Classes: 5})
	if !strings.Contains(sp.Source.String(), "labels 1 to 3, 2 of the network's 5 classes") {
		t.Errorf("%q", sp.Source)
	}
	// one output stands for two classes
	if sp, err = Open(writeAll(t, map[string][]byte{"no/x.png": white, "yes/y.png": white}), Options{Shape: tensor.Shape{1, 4, 4}, Classes: 1}); err != nil || !slices.Equal(sp.Train.Labels, []int{0, 1}) {
		t.Errorf("%v, %v", sp, err)
	}
}

// TestNetworkOfChannelsLast: arrays come as the network has them, pictures as always; a Set
// has its channels first.
func TestNetworkOfChannelsLast(t *testing.T) {
	o := Options{Shape: tensor.Shape{3, 2, 2}, ChannelsLast: true, Raw: true}
	last := count(12)
	want := []float32{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}
	floats := make([]float32, 12)
	var row []string
	for i := range floats {
		floats[i] = float32(i)
		row = append(row, fmt.Sprint(i))
	}
	picture := filled(2, 2, color.White)
	for p := range 4 {
		copy(picture.Pix[4*p:], last[3*p:3*p+3])
	}
	for name, data := range map[string][]byte{
		"bytes.npy": npy("|u1", false, []int{1, 2, 2, 3}, last, le, 1), "flat.npy": npy("|u1", false, []int{1, 12}, last, le, 1),
		"floats.npy": npy("<f4", false, []int{1, 2, 2, 3}, floats, le, 1), "flatfloats.npy": npy("<f4", false, []int{1, 12}, floats, le, 1),
		"x.npz": npz(t, map[string][]byte{"x.npy": npy("|u1", false, []int{1, 2, 2, 3}, last, le, 1)}), "d.csv": []byte(strings.Join(row, ",") + "\n" + strings.Join(row, ",") + "\n"),
		"x.idx": idx(8, []int{1, 2, 2, 3}, last),
	} {
		sp, err := Open(write(t, t.TempDir(), name, data), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := sample(sp.Train, 0); !slices.Equal(got, want) || !sp.Train.Pre.ChannelsLast || !strings.Contains(sp.Source.String(), "channels last") {
			t.Errorf("%s: %v, %q", name, got, sp.Source)
		}
	}
	sp, err := Open(writeAll(t, map[string][]byte{"a/x.png": encode(t, "png", picture)}), o)
	if err != nil || !slices.Equal(sample(sp.Train, 0), want) || !sp.Train.Pre.ChannelsLast {
		t.Errorf("picture: %v", err)
	}
	_, err = Open(write(t, t.TempDir(), "x.npy", npy("<f4", false, []int{1, 3, 2, 2}, floats, le, 1)), o)
	refused(t, err, "[3,2,2]", "[2,2,3], channels last")
	gray := Options{Shape: tensor.Shape{1, 3, 4}, ChannelsLast: true, Raw: true}
	for name, shape := range map[string][]int{"idx": {1, 3, 4}, "with its channel": {1, 3, 4, 1}, "flat": {1, 12}} {
		sp, err := Open(write(t, t.TempDir(), "x.npy", npy("|u1", false, shape, last, le, 1)), gray)
		if err != nil || sp.Train.Pre.ChannelsLast || sample(sp.Train, 0)[11] != 11 {
			t.Errorf("gray, %s: %v", name, err)
		}
	}
}

// TestSourceIsOneLine: names with control characters do not reach a terminal.
func TestSourceIsOneLine(t *testing.T) {
	sp := opened(t, "d.csv", "a,label\n1,\"\x1b[31mred\nblue\"\n2,x\n", Options{Shape: tensor.Shape{1}, Classes: 2})
	if line := sp.Source.String(); strings.ContainsAny(line, "\x1b\n") {
		t.Errorf("%q", line)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"x.npy", "\x1b[31m.npy"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(npy("<f4", false, []int{1, 1}, []float32{1}, le, 1))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	z.Close()
	sp = opened(t, filepath.Base("d.npz"), b.String(), Options{Shape: tensor.Shape{1}})
	if line := sp.Source.String(); strings.ContainsAny(line, "\x1b\n") || !strings.Contains(line, "not read: array") {
		t.Errorf("%q", line)
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// An error is one line of JSON on standard output, and the same words on standard error.
func TestJSONErrors(t *testing.T) {
	withFile(t)
	write(t, "bad.onnx", bytes.Replace(read(t, "corner.onnx"), []byte("Gemm"), []byte("Hemm"), 1))
	for _, c := range []struct {
		args string
		want failure
	}{
		{"compress corner.onx --data data", failure{Message: "corner.onx: no such file or directory; give an ONNX or TFLite file; did you mean corner.onnx?", File: "corner.onx", ExitCode: exitFailed}},
		{"inspect bad.onnx", failure{Message: `onnx: bad.onnx: node "quarters" (Hemm): the operator is not supported; export the network without it, or expressed by convolutions, dense layers, pools and arithmetic`,
			Hint: "export the network without this node, or cut it before the node", File: "bad.onnx", Node: "quarters", Op: "Hemm", ExitCode: exitFailed}},
		{"eval korner.edgec --data dta", failure{
			Message: "korner.edgec: no such file or directory; give an .edgec, ONNX or TFLite file; did you mean corner.edgec?; dta: no such file or directory; give a folder or file of samples; did you mean data?",
			File:    "korner.edgec", ExitCode: exitFailed, Causes: []cause{
				{Message: "korner.edgec: no such file or directory; give an .edgec, ONNX or TFLite file; did you mean corner.edgec?", File: "korner.edgec"},
				{Message: "dta: no such file or directory; give a folder or file of samples; did you mean data?", File: "dta"}}}},
		{"bench corner.edgec --runs x", failure{Message: "--runs x: give a whole number, such as 4", Hint: "see edgec bench --help", ExitCode: exitUsage}},
		{"compres --json", failure{Message: `unknown command "compres"; did you mean compress?`, Hint: "see edgec --help", ExitCode: exitUsage}},
		{"compress --jsonn corner.onnx --json", failure{Message: "unknown flag --jsonn; did you mean --json?", Hint: "see edgec compress --help", ExitCode: exitUsage}},
	} {
		r := command(t, append(strings.Fields(c.args), "--json")...)
		var got struct {
			Schema int
			Error  failure
		}
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got.Schema != 1 || !reflect.DeepEqual(got.Error, c.want) || r.code != c.want.ExitCode || strings.Count(r.stdout, "\n") != 1 {
			t.Errorf("edgec %s: %v, exit code %d, %s\nwant %+v", c.args, err, r.code, r.stdout, c.want)
		}
		text := "edgec: error: " + c.want.Message + "\n"
		if c.want.Hint != "" {
			text += "edgec: hint: " + c.want.Hint + "\n"
		}
		if r.stderr != text {
			t.Errorf("edgec %s: standard error %q, want %q", c.args, r.stderr, text)
		}
	}
}

// Samples before an error keep their lines.
func TestJSONErrorAfterSamples(t *testing.T) {
	withFile(t)
	write(t, "bad.png", []byte("\x89PNG\r\n\x1a\n123"))
	r := command(t, "run", "corner.edgec", "light.png", "bad.png", "--json")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if r.code != exitFailed || len(lines) != 2 || !strings.HasPrefix(lines[0], `{"schema":1,"file":"light.png"`) || !strings.HasPrefix(lines[1], `{"schema":1,"error":{"message":"corner.edgec: bad.png: not a readable picture`) {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

// edgec --version and -v print what edgec version prints.
func TestVersionFlags(t *testing.T) {
	want := command(t, "version").must(t).stdout
	for _, flag := range []string{"--version", "-v"} {
		if got := command(t, flag).must(t).stdout; got != want || !strings.Contains(got, "format") || !strings.Contains(got, "go1.") {
			t.Errorf("%s prints %q, want %q", flag, got, want)
		}
	}
	if got := parse[versionInfo](t, command(t, "-v", "--json")); got != readVersion() {
		t.Errorf("%+v", got)
	}
}

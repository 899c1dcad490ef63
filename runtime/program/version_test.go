package program

import (
	"bytes"
	"encoding/json"
	goruntime "runtime"
	"strings"
	"testing"
)

// A program says what it was made of, in words and in JSON, by --version and --info.
func TestVersion(t *testing.T) {
	p := Program{Model: corners(t), Edgec: "v1.2.3", Hash: "ab12", Sources: "cd34", Target: "rpi-4"}
	says := func(args ...string) string {
		var out, errs bytes.Buffer
		if code := p.Main(append([]string{"app"}, args...), nil, &out, &errs); code != 0 || errs.Len() > 0 {
			t.Fatalf("%v: exit code %d, %s", args, code, errs.String())
		}
		return out.String()
	}
	text := says("--version")
	for _, want := range []string{"model                 sums\n", "edgec                 v1.2.3\n", "target                rpi-4\n", "model SHA-256         ab12\n", "sources SHA-256       cd34\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	want := map[string]string{"edgec": "v1.2.3", "target": "rpi-4", "system": goruntime.GOOS + "/" + goruntime.GOARCH, "go": goruntime.Version(),
		"reads": "PNG, JPEG, .npy, raw", "model_sha256": "ab12", "sources_sha256": "cd34"}
	for _, flag := range []string{"--version", "--info"} {
		var got struct{ Provenance map[string]string }
		if err := json.Unmarshal([]byte(says(flag, "--json")), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Provenance) != len(want) {
			t.Errorf("%s: %v, want %v", flag, got.Provenance, want)
		}
		for key, value := range want {
			if got.Provenance[key] != value {
				t.Errorf("%s: %s is %q, want %q", flag, key, got.Provenance[key], value)
			}
		}
	}
}

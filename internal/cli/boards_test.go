package cli

import (
	"os"
	"strings"
	"testing"
	"time"
)

// A board that is named shows what is known of it and what predictions assume; others are errors
// of usage.
func TestTargetsOfOne(t *testing.T) {
	t.Chdir(t.TempDir())
	command(t, "targets", "pi zero 2 w").must(t).has(t, "RP3A0", "1000 MHz", "32 KiB of a core, largest 512 KiB", "1300 MB/s", "0.6 W idle", "kernels neon", "within a factor of 1.49", "assumed")
	command(t, "targets", "linux-arm64").must(t).has(t, "none: the core or its clock is not known")
	for args, want := range map[string]string{"targets rpi-9": "no board \"rpi-9\"; did you mean", "targets esp32": "is a microcontroller", "targets a b": "one argument too many"} {
		if r := command(t, strings.Fields(args)...); r.code != exitUsage || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: exit code %d, %s", args, r.code, r.stderr)
		}
	}
}

// A board of the user's own is listed, predicted and calibrated; a fit that has seen a board's
// times predicts them.
func TestCalibrate(t *testing.T) {
	lenet := read(t, "../../testdata/lenet-300-100-1900.edgec")
	withFile(t)
	write(t, "lenet.edgec", lenet)
	benchmark(t, "corner.edgec", "one.json")
	benchmark(t, "lenet.edgec", "two.json")
	write(t, "mine.toml", []byte("[[board]]\nname = \"desk\"\nlike = \"rpi-4\"\nmhz = 2000\n"))
	command(t, "targets", "--boards", "mine.toml").must(t).has(t, "desk", "2000", "rpi-zero")
	c := parse[calibrated](t, command(t, "targets", "calibrate", "one.json", "two.json", "--boards", "mine.toml", "--target", "desk", "--json"))
	if c.Output != "desk-calibrated.toml" || c.Board.Name != "desk-calibrated" || c.Board.MHz != 2000 || len(c.Networks) != 2 || !c.HeldOut || c.Before <= 1.5 {
		t.Errorf("%+v", c)
	}
	command(t, "targets", "calibrate", "one.json", "--target", "rpi-4", "-o", "fit.toml").must(t).has(t, "NETWORK", "one", "measure two or more")
	command(t, "targets", "calibrate", "one.json", "one.json", "--target", "rpi-4", "-o", "fit.toml").must(t).has(t, "With one network", "measure two or more")
	checked := parse[checked](t, command(t, "check", "corner.onnx", "--boards", "desk-calibrated.toml", "--target", "desk-calibrated", "--json"))
	p := checked.Prediction
	if p.Board != "desk-calibrated" || p.Time <= 0 || p.Most <= p.Time || len(p.Layers) == 0 || !strings.Contains(p.Basis, "calibrated by 2 networks") {
		t.Errorf("%+v", p)
	}
	command(t, "check", "corner.onnx", "--boards", "mine.toml", "--target", "desk").must(t).has(t, "LAYER", "Conv2D", "BOUND BY", "desk")
}

// What is wrong with boards and measurements is one line, and nothing is written.
func TestCalibrateErrors(t *testing.T) {
	withFile(t)
	write(t, "empty.json", []byte("{}"))
	for args, want := range map[string]string{
		"targets calibrate empty.json":                                      "--target is missing",
		"targets calibrate empty.json --target rpi-4 -o x.toml":             "empty.json: has no times of layers",
		"targets calibrate none.json --target rpi-4 -o x.toml":              "none.json: ",
		"targets calibrate empty.json --target rpi-4 --name rpi-5":          "is in edgec's own table already",
		"targets --boards none.toml":                                        "none.toml: there is no such file",
		"build corner.edgec --boards none.toml --target rpi-4":              "none.toml: there is no such file",
		"check corner.onnx --target linux-arm64":                            "times on linux-arm64 cannot be predicted",
		"compress corner.onnx --data data --target rpi-4":                   "give one of them",
		"compress corner.onnx --data data --boards none.toml":               "--boards has boards for --target",
		"compress corner.onnx --data data --max-latency 1ms --target arm64": "times on linux-arm64 cannot be predicted",
		"compress corner.onnx --data data --max-latency 1ms --target rpi-9": "no board \"rpi-9\"",
	} {
		r := command(t, strings.Fields(args)...)
		if r.code == exitDone || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: exit code %d, %s", args, r.code, r.stderr)
		}
	}
	if _, err := os.Stat("x.toml"); err == nil {
		t.Error("a file was written")
	}
}

// A name that --boards would refuse is an error of usage, and no file is written.
func TestCalibrateName(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, want := range map[string]string{
		"a b":      "without blanks and slashes",
		"../../zz": "without blanks and slashes",
		"a\nb":     "without blanks and slashes",
		"--":       "without blanks and slashes",
		"esp32":    "is a microcontroller",
		"RPi_4":    "is in edgec's own table already",
	} {
		r := command(t, "targets", "calibrate", "one.json", "--target", "rpi-4", "--name="+name)
		if r.code != exitUsage || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "--name ") {
			t.Errorf("%q: exit code %d, %s", name, r.code, r.stderr)
		}
	}
}

// A time on a board is predicted: the upper end of the bar is within the limit, and a memory that
// no file has is refused with the least.
func TestCompressForBoard(t *testing.T) {
	workplace(t)
	args := quick("compress", "corner.onnx", "--data", "data", "--no-training", "--target", "rpi-zero")
	command(t, append(args, "--max-latency", "10ms", "--max-memory", "1MB")...).must(t).has(t, "limit 10ms; predicted on rpi-zero: ", "limit 1,000,000 bytes; predicted on rpi-zero")
	got := parse[compressed](t, command(t, append(args, "--max-latency", "10ms", "--json")...))
	if p := got.Prediction; p == nil || p.Most != got.Best.Latency || p.Most > 10*time.Millisecond || got.Best.Memory != 0 || got.Options.Target.Name != "rpi-zero" {
		t.Errorf("%+v, best %+v", got.Prediction, got.Best)
	}
	os.Remove("corner.edgec")
	oneError(t, command(t, append(args, "--max-memory", "1", "--quiet")...), "no file meets the limits", "that of the least memory takes ", " of 1 bytes")
	if _, err := os.Stat("corner.edgec"); err == nil {
		t.Error("a file was written that does not meet the limits")
	}
}

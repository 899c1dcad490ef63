package suggest

import "testing"

func TestQuestion(t *testing.T) {
	flags := []string{"data", "raw", "mean", "std", "test-last", "output", "max-drop", "max-size", "max-latency", "budget"}
	boards := []string{"rpi-zero", "rpi-1", "rpi-zero-2w", "rpi-2", "rpi-3", "rpi-4", "rpi-5", "beaglebone", "linux-arm64"}
	for _, c := range []struct {
		typed string
		names []string
		want  string
	}{
		{"max-dorp", flags, "; did you mean max-drop?"},
		{"maxdrop", flags, "; did you mean max-drop?"},
		{"MAX_SIZE", flags, "; did you mean max-size?"},
		{"size", flags, "; did you mean max-size?"},
		{"out", flags, "; did you mean output?"},
		{"max", flags, "; did you mean max-drop, max-size or max-latency?"},
		{"dat", flags, "; did you mean data?"},
		{"frobnicate", flags, ""},
		{"x", flags, ""},
		{"", flags, ""},
		{"raspi-4", boards, "; did you mean rpi-4?"},
		{"rpi_4", boards, "; did you mean rpi-4?"},
		{"rpi-7", boards, "; did you mean rpi-1, rpi-2, rpi-3, rpi-4 or rpi-5?"},
		{"beagelbone", boards, "; did you mean beaglebone?"},
		{"my net.onxx", []string{"my net.onnx"}, `; did you mean "my net.onnx"?`},
		{"a", []string{"b"}, "; did you mean b?"},
	} {
		if got := Question(c.typed, c.names); got != c.want {
			t.Errorf("%q: %q, want %q", c.typed, got, c.want)
		}
	}
}

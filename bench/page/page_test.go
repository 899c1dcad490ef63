package page

import "testing"

func TestReplace(t *testing.T) {
	const old = "# Page\n<!-- a -->\nold\n<!-- end of a -->\ntext\n<!-- b -->\n<!-- end of b -->\n"
	got, err := replace(old, "b", "new\n")
	const want = "# Page\n<!-- a -->\nold\n<!-- end of a -->\ntext\n<!-- b -->\n\nnew\n\n<!-- end of b -->\n"
	if err != nil || got != want {
		t.Errorf("%v: %q", err, got)
	}
	again, err := replace(got, "b", "new")
	if err != nil || again != want {
		t.Errorf("twice, %v: %q", err, again)
	}
	for _, broken := range []string{"", "<!-- b -->\n", "<!-- end of b -->\n<!-- b -->\n"} {
		if got, err := replace(broken, "b", ""); err == nil {
			t.Errorf("%q became %q", broken, got)
		}
	}
}

func TestTable(t *testing.T) {
	const want = "| a | b |\n|---|---|\n| 1 | 1,234,567 |\n"
	if got := Table([][]string{{"a", "b"}, {"1", Thousands(1234567)}}); got != want {
		t.Errorf("%q", got)
	}
}
